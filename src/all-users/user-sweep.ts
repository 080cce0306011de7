/** One user's sweep, from root's side: starts it, keeps its time, ends it, takes its report. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { readProcess } from '../native/process-table.ts';
import { killTree, startedSince } from './process-tree.ts';
import type { Programs } from './programs.ts';
import { MAX_REPORT_BYTES, parseUserSweep, type UserSweep } from './user-report.ts';

/** The rest of what it prints on standard error is dropped. */
const MAX_ERROR_BYTES = 8 * 1024;
/** As native/become_user.c has it. */
const NO_SUCH_USER = 120;
/** The command line's, src/cli/exit.ts: something failed, but all was swept. */
const SWEPT_WITH_FAILURES = 1;

export interface UserSweepEnd {
  readonly outcome: 'swept' | 'failed' | 'timed-out' | 'skipped';
  /** Why it is not `swept`, or what is wrong with its report. */
  readonly reason?: string;
  /** What the user's process says of it. */
  readonly sweep?: UserSweep;
  /** Pids of the user that began since and outlived the kill. */
  readonly survivors: readonly number[];
  /** What it printed on standard error. */
  readonly printed: string;
}

export interface UserSweepOrder {
  readonly programs: Programs;
  readonly uid: number;
  /** ROOT/<uid>. */
  readonly base: string;
  readonly mayGainPrivileges: boolean;
  /** Arguments of the command line before the base. */
  readonly args: readonly string[];
  /** SIGTERM after so long, SIGKILL to all of it after the grace. */
  readonly limitMs: number;
  readonly killGraceMs: number;
  /** As the limit, at once. */
  readonly signal: AbortSignal | undefined;
}

export async function sweepUser(order: UserSweepOrder): Promise<UserSweepEnd> {
  const child = start(order);
  // Node throws some errors of the system, and gives others to the event.
  if (typeof child === 'string')
    return { outcome: 'failed', reason: `it could not be started: ${child}`, survivors: [], printed: '' };
  const { pid } = child;
  const sinceTicks = pid === undefined ? undefined : unlessRefused(() => readProcess(pid)?.start, undefined);
  const output = new BoundedOutput(child.stdout, MAX_REPORT_BYTES);
  const errors = new BoundedOutput(child.stderr, MAX_ERROR_BYTES);
  const { how, status, isTimedOut, survivors } = await ended(child, order, sinceTicks);
  const printed = errors.text;
  const sweep = output.isCut ? undefined : parseUserSweep(output.text);
  // A sweep that ended of SIGTERM has told what it did until then.
  const end = { survivors, printed, ...(sweep !== undefined && { sweep }) };
  if (isTimedOut) return { ...end, outcome: 'timed-out', reason: `it was ended after its time; it ${how}` };
  if (status === NO_SUCH_USER) return { ...end, outcome: 'skipped', reason: 'no user has this number' };
  if (status !== 0 && status !== SWEPT_WITH_FAILURES)
    return { ...end, outcome: 'failed', reason: `it ${how}` };
  const reason = whyIncomplete(output, sweep, status);
  return {
    ...end,
    outcome: status === 0 ? 'swept' : 'failed',
    ...(reason !== undefined && { reason }),
  };
}

/** The user's process, or why the system refuses one. */
function start({
  programs,
  uid,
  base,
  mayGainPrivileges,
  args,
}: UserSweepOrder): ChildProcessByStdio<null, Readable, Readable> | string {
  const commandLine = [programs.node, programs.commandLine, '--json', '--totals', ...args, '--', base];
  const argv = [String(uid), mayGainPrivileges ? 'p' : '-', ...commandLine];
  try {
    return spawn(programs.becomeUser, argv, { cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return String(error);
  }
}

function whyIncomplete(
  output: BoundedOutput,
  sweep: UserSweep | undefined,
  status: number,
): string | undefined {
  if (output.isCut) return `its report is longer than ${MAX_REPORT_BYTES} bytes`;
  if (sweep === undefined) return 'its report cannot be read';
  return status === 0 ? undefined : 'a function failed or a file was left';
}

interface Ended {
  readonly how: string;
  readonly status: number | null;
  readonly isTimedOut: boolean;
  readonly survivors: readonly number[];
}

/** Time to read the pipes after the end of the process: a process that it left may hold them open. */
const LAST_OUTPUT_MS = 1000;

function ended(child: ChildProcess, order: UserSweepOrder, sinceTicks: number | undefined): Promise<Ended> {
  return new Promise(resolve => {
    let isTimedOut = false;
    let survivors: readonly number[] = [];
    let killing: NodeJS.Timeout | undefined;
    const stop = (): void => {
      if (isTimedOut) return;
      isTimedOut = true;
      child.kill('SIGTERM');
      killing = setTimeout(() => {
        if (child.pid !== undefined) survivors = killTree(child.pid, order.uid, sinceTicks);
      }, order.killGraceMs);
    };
    const limit = setTimeout(stop, order.limitMs);
    order.signal?.addEventListener('abort', stop, { once: true });
    if (order.signal?.aborted) stop();
    let isOver = false;
    const end = (how: string, status: number | null): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(limit);
      clearTimeout(killing);
      order.signal?.removeEventListener('abort', stop);
      for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
      resolve({ how, status, isTimedOut, survivors });
    };
    child.once('error', error => end(`could not be started: ${error.message}`, null));
    child.once('exit', (code, signal) => {
      clearTimeout(limit);
      clearTimeout(killing);
      // The sweep ended of SIGTERM: look what it left. After a kill that is known.
      if (isTimedOut && survivors.length === 0) survivors = startedSince(order.uid, sinceTicks);
      const how = signal ? `was killed by ${signal}` : `exited with status ${code}`;
      child.once('close', () => end(how, code));
      setTimeout(() => end(how, code), LAST_OUTPUT_MS).unref();
    });
  });
}

/** What a process prints, up to a limit. The rest is read and dropped: a full pipe would keep the process waiting. */
class BoundedOutput {
  isCut = false;
  readonly #parts: Buffer[] = [];
  #leftBytes: number;

  constructor(output: Readable | null, maxBytes: number) {
    this.#leftBytes = maxBytes;
    output?.on('error', () => {});
    output?.on('data', (chunk: Buffer) => {
      const kept = chunk.subarray(0, this.#leftBytes);
      if (kept.length < chunk.length) this.isCut = true;
      // A copy: a chunk may be a small part of a large buffer.
      if (kept.length > 0) this.#parts.push(Buffer.from(kept));
      this.#leftBytes -= kept.length;
    });
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }
}
