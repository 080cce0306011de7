/** How a runner is started: with the owner's Node, options and loaders, and none of the sweeper's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { DeferredSweepError } from '../../errors.ts';
import { isExecutable } from '../../function/command.ts';
import { INSIDE, STARTING } from '../../function/current-invocation.ts';
import type { HeaderRecord, ReportedError } from '../../log/records.ts';
import type { RunNote } from '../../report/report.ts';
import { reportError } from '../../report/reported-error.ts';
import { EVENT_FD, MAIN, PRELOAD } from '../../runner/protocol.ts';
import { stateOf } from '../../state/place.ts';
import { isPlainNode } from '../../state/runner-start.ts';
import { checkUnchangedOwners } from '../../trust/code-owners.ts';
import { loadersOf } from '../../trust/loaders.ts';
import type { Trust } from '../../trust/trust.ts';
import type { Candidate } from '../look-outcome.ts';
import { withoutForeignDescriptors } from './descriptors.ts';
import { runnerExecArgv } from './node-options.ts';

/** Owners with the same launch share a runner. */
export interface Launch {
  readonly key: string;
  readonly nodePath: string;
  readonly execArgv: readonly string[];
  readonly nodeOptions: string;
  /** The owner's start directory, to which relative names in the options refer; `/` without options. */
  readonly directory: string;
  /** True if the owner had Node's permission model on. Its functions never run without it. */
  readonly isRestricted: boolean;
  readonly notes: readonly RunNote[];
}

export interface LaunchQueue {
  launch: Launch;
  readonly waiting: Candidate[];
  runners: number;
  idleDeaths: number;
  /** Set when runners of this launch die before they begin a function. */
  failure: ReportedError | undefined;
  /** True if nothing of the owner's can be the reason of that. */
  isBlameless: boolean;
}

export function launchOf(header: HeaderRecord): Launch {
  const execArgv = runnerExecArgv(header.execArgv);
  const { nodeOptions, isRestricted } = header;
  const hasNode = header.nodePath !== '' && isExecutable(header.nodePath);
  const isPlain = execArgv.length === 0 && nodeOptions === '';
  const started = header.startedIn;
  const isThere = !isPlain && started !== null && stateOf(started) === 'same';
  return launch({
    nodePath: hasNode ? header.nodePath : process.execPath,
    execArgv,
    nodeOptions,
    directory: isThere ? started.path : '/',
    isRestricted,
    notes: [
      ...(hasNode || header.nodePath === '' ? [] : (['other-node'] as const)),
      ...(header.preloadsProgram === true ? (['without-loaders'] as const) : []),
    ],
  });
}

const WITHOUT_OPTIONS = { nodePath: process.execPath, execArgv: [], nodeOptions: '', directory: '/' };

/** The launch of an owner that ran in the sweeper's Node without options. */
export function launchWithoutOptions(): Launch {
  return launch({ ...WITHOUT_OPTIONS, isRestricted: false, notes: [] });
}

/** True where nothing of the owner's is started: what keeps that from starting is no fault of its functions. */
export function isOfSweeper({ nodePath, execArgv, nodeOptions }: Launch): boolean {
  return nodePath === process.execPath && execArgv.length === 0 && nodeOptions === '';
}

/** In the sweeper's Node, without the owner's options. The same if that would give more rights. */
export function plainLaunch(from: Launch): Launch {
  if (from.isRestricted || isOfSweeper(from)) return from;
  const notes = new Set(from.notes);
  if (from.nodePath !== process.execPath) notes.add('other-node');
  if (from.execArgv.length > 0 || from.nodeOptions !== '') notes.add('without-loaders');
  return launch({ ...from, ...WITHOUT_OPTIONS, notes: [...notes] });
}

function launch(fields: Omit<Launch, 'key'>): Launch {
  return { key: JSON.stringify(fields), ...fields };
}

/** Why Node may not be started so: another user has come to own it or a loader. Then no function of the owner is called. */
export function refuseLoaders(from: Launch, header: HeaderRecord, trust: Trust): ReportedError | undefined {
  try {
    const owners = header.loaderOwners ?? [];
    // The sweeper runs in its own Node already.
    if (from.nodePath !== process.execPath) checkUnchangedOwners('Node', from.nodePath, owners, trust);
    for (const path of loadersOf(from)) checkUnchangedOwners('the loader', path, owners, trust);
    return undefined;
  } catch (error) {
    return reportError(error);
  }
}

/** @param limitsMs - of its own watchdog: until it begins, and the grace */
export function startRunner(launch: Launch, limitsMs: readonly number[]): ChildProcess {
  if (launch.nodePath === process.execPath && !isPlainNode())
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      `cannot start a runner: ${process.execPath} is Electron or a single executable application, and would start itself; sweep with the command deferred-sweep`,
      { path: process.execPath },
    );
  return withoutForeignDescriptors(EVENT_FD, extra =>
    spawn(launch.nodePath, [...launch.execArgv, MAIN, ...limitsMs.map(String)], {
      cwd: launch.directory,
      env: runnerEnvironment(launch),
      // A group of its own, so that what its functions started can be ended with it.
      detached: true,
      // Pipes of its own: with the caller's it would keep a reader of those waiting. What cleanups print goes to standard
      // error, since standard output may be a report.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...extra],
    }),
  );
}

/** The sweeper's environment, without its `NODE_OPTIONS` and `DEFERRED_SWEEP_…`, with the owner's `NODE_OPTIONS`. */
function runnerEnvironment({ nodeOptions }: Launch): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('DEFERRED_SWEEP_'));
  // Before the owner's options, since its loaders may hang.
  const preload = `--require "${PRELOAD.replaceAll(/["\\]/g, '\\$&')}"`;
  return {
    ...Object.fromEntries(others),
    NODE_OPTIONS: nodeOptions === '' ? preload : `${preload} ${nodeOptions}`,
    [INSIDE]: STARTING,
  };
}
