import { closeSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { isSea } from 'node:sea';
import { isDeepStrictEqual } from 'node:util';
import { unlessRefused } from '../errors.ts';
import type { HeaderRecord, RunnerStart } from '../log/records.ts';
import { knownOwnersOf } from '../trust/code-owners.ts';
import { loadersOf, type NodeStart, withoutLoaders } from '../trust/loaders.ts';
import { readPart } from './file-io.ts';
import { currentPlace, startedIn } from './place.ts';

type IsProgram = (path: string) => boolean;

/** What a header tells of this process. @param isProgram - whether a file of Node's options is the program: that is left out */
export function startOfNow(isProgram: IsProgram = () => false): RunnerStart {
  const given = nodeStart();
  const { directory, ...kept } = withoutLoaders(given, isProgram);
  const path = nodePath();
  const loaderOwners = knownOwnersOf([...(path === '' ? [] : [path]), ...loadersOf({ directory, ...kept })]);
  return {
    node: process.versions.node,
    nodePath: path,
    ...kept,
    ...(loadersOf(given).some(isProgram) && { preloadsProgram: true }),
    ...(loaderOwners.length > 0 && { loaderOwners }),
    startedIn,
    cwd: currentPlace(),
    umask: currentUmask(),
    isRestricted: process.permission !== undefined,
  };
}

/** Whether a file made now would tell the same of this process as the file of this header. */
export function isHeaderOfNow(header: HeaderRecord, isProgram: IsProgram | undefined): boolean {
  // These two may be absent now. Those of the header are compared all the same.
  const { preloadsProgram, loaderOwners, ...now } = startOfNow(isProgram);
  return Object.entries({ preloadsProgram, loaderOwners, ...now }).every(([name, value]) =>
    isDeepStrictEqual(header[name as keyof RunnerStart], value),
  );
}

/** How Node was started. Texts are well-formed, as a header needs them. */
export function nodeStart(): NodeStart {
  return {
    execArgv: textsOf(process.execArgv),
    nodeOptions: (process.env.NODE_OPTIONS ?? '').toWellFormed(),
    directory: startedIn?.path ?? '/',
  };
}

/** False in Electron and in a single executable application: started again, they are the application. */
export function isPlainNode(): boolean {
  return process.versions.electron === undefined && !isSea();
}

/** What of a list is text. Programs write what they like to it, and Node itself gives each thread one of its own. */
function textsOf(list: unknown): string[] {
  // An array of ours: Node's own is of another realm where a test runner loads us into a context.
  const items: unknown[] = Array.isArray(list) ? [...list] : [];
  return items.flatMap(item => (typeof item === 'string' ? [item.toWellFormed()] : []));
}

/** The path of Node, or empty where another program has Node in it. */
function nodePath(): string {
  return /^node(js)?[0-9.-]*$/.test(basename(process.execPath)) && isPlainNode() ? process.execPath : '';
}

/**
 * The umask, from /proc if there is one. umask(2) has to write it to read it, and a file that another thread creates in
 * that moment would be writable for all users.
 */
function currentUmask(): number {
  const status = unlessRefused(headOfStatus, '');
  const [, octal] = /^Umask:\s*([0-7]+)$/m.exec(status) ?? [];
  return octal === undefined ? process.umask() : Number.parseInt(octal, 8);
}

/** The umask is in its second line, behind the program's name: proc_pid_status(5). */
function headOfStatus(): string {
  const fd = openSync('/proc/self/status', 'r');
  try {
    return readPart(fd, 0, 256).toString('latin1');
  } finally {
    closeSync(fd);
  }
}
