import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  type SpawnOptions as NodeSpawnOptions,
  spawn as nodeSpawn,
  type SpawnOptionsWithoutStdio,
} from 'node:child_process';
import { hasCode } from '../errors.ts';
import type { Job, Registration } from '../job/job.ts';
import { milliseconds } from '../sweep/options.ts';
import { deferEnd } from './by-name.ts';
import { areAllGone, describeMarked, type MarkedProcesses } from './end-processes.ts';
import { withToken } from './token.ts';

/** What {@link spawn} takes beside the options of Node's `spawn`. */
export interface EndOptions {
  /** Between SIGTERM and SIGKILL when the job ends, in milliseconds; 0: SIGKILL at once. @defaultValue 5000 */
  killGraceMs?: number | undefined;
}

/** Options of Node's `spawn`, and how the processes are ended. */
export type SpawnOptions = NodeSpawnOptions & EndOptions;

/**
 * Starts a program, as Node's `spawn` does, that does not outlive the job: what ends it, and every process it starts, is
 * registered before it exists. That finds them by a random token in the environment, `DEFERRED_SWEEP_TOKEN`: a process
 * that called setsid(2), forked twice or was adopted by init, too. See `docs/actions.md` for what it does not find.
 * When the program has ended and no process with the token is left, the registration is cancelled. A program that has
 * only launched another (`sh -c 'server &'`) leaves it registered until the end of the job.
 * @throws what `job.defer` throws; then nothing was started. TypeError as Node's `spawn`; then nothing is registered.
 */
export function spawn(
  job: Job,
  file: string,
  argv?: readonly string[],
  options?: SpawnOptionsWithoutStdio & EndOptions,
): ChildProcessWithoutNullStreams;
export function spawn(job: Job, file: string, argv: readonly string[], options: SpawnOptions): ChildProcess;
export function spawn(
  job: Job,
  file: string,
  options: SpawnOptionsWithoutStdio & EndOptions,
): ChildProcessWithoutNullStreams;
export function spawn(job: Job, file: string, options: SpawnOptions): ChildProcess;
export function spawn(
  job: Job,
  file: string,
  argvOrOptions: readonly string[] | SpawnOptions = [],
  lastOptions: SpawnOptions = {},
): ChildProcess {
  const [argv, allOptions] = isArgv(argvOrOptions) ? [argvOrOptions, lastOptions] : [[], argvOrOptions];
  const { killGraceMs = 5000, env = process.env, ...options } = allOptions;
  const marked = describeMarked(milliseconds('killGraceMs', killGraceMs));
  const registration = job.defer(deferEnd(marked));
  let child: ChildProcess;
  try {
    // A process that has the token exists from execve(2) on. Before, there is a copy of this process, made by fork(2), which
    // inherited the lock on the job's file: no sweeper has the file before that copy has become the program, or has ended.
    child = nodeSpawn(file, argv, { ...options, env: withToken(env, marked.token) });
  } catch (error) {
    registration.cancel();
    throw error;
  }
  const forget = () => void cancelIfGone(marked, registration);
  child.once('exit', forget);
  // Not started at all: no `exit` follows.
  if (child.pid === undefined) child.once('error', forget);
  return child;
}

/**
 * The job has ended meanwhile and has run it; a file that cannot be written to keeps it, and it finds nothing; and where no
 * process can be seen it will say so itself.
 */
const HARMLESS = [
  'DEFERRED_CLOSED',
  'DEFERRED_STATE_IO',
  'DEFERRED_STATE_CORRUPT',
  'DEFERRED_UNSUPPORTED',
] as const;

async function cancelIfGone(marked: MarkedProcesses, registration: Registration): Promise<void> {
  try {
    if (await areAllGone(marked)) registration.cancel();
  } catch (error) {
    if (!hasCode(error, ...HARMLESS)) throw error;
  }
}

function isArgv(value: readonly string[] | SpawnOptions): value is readonly string[] {
  return Array.isArray(value);
}
