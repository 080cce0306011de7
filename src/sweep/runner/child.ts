/** The sweeper's side of one child process that runs functions of several state files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { systemErrorCode } from '../../errors.ts';
import type { ResolvedSweepOptions } from '../options.ts';
import type { StopCondition } from '../stop.ts';
import type { TakenFile } from '../taken-file.ts';
import { GroupKiller } from './group-killer.ts';
import {
  CONTROL_FD,
  EVENT_FD,
  MAIN,
  PRELOAD,
  type RunEvent,
  type RunRequest,
  watchdogGraceMs,
} from './protocol.ts';

/** How a child is started. */
export interface Launch {
  readonly execArgv: readonly string[];
  readonly cwd: string;
}

/** How a child ended. */
export interface ChildEnd {
  /** False when not even a process could be had. */
  hasStarted: boolean;
  /** It went through everything it was asked, or was told to stop. */
  isOrderly: boolean;
  /** The limit for which it was killed: of the function it was in, or of its start. */
  timedOutMs: number | undefined;
  /** In words: `exited with code 3`. */
  how: string;
  error: unknown;
  /** Files of which no more can be run. */
  readonly failed: Set<TakenFile>;
}

/** What a child has to begin its first function, unless the sweep says how long functions may take. */
const START_MS = 60_000;
/** It loads what its owner had loaded, on a machine that may be busy. */
const LEAST_START_MS = 10_000;

/** Runs what is runnable in the files in one child, and returns when the child is gone and all it said is heard. */
export async function runChild(
  files: readonly TakenFile[],
  launch: Launch,
  options: ResolvedSweepOptions,
  stop: StopCondition,
): Promise<ChildEnd> {
  const end: ChildEnd = {
    hasStarted: false,
    isOrderly: false,
    timedOutMs: undefined,
    how: 'could not be started',
    error: undefined,
    failed: new Set(),
  };
  const request: RunRequest = {
    files: files.map(taken => ({
      path: taken.file.path,
      ids: taken.runnable().map(registered => registered.record.id),
    })),
    timeoutMs: options.timeoutMs,
    killGraceMs: options.killGraceMs,
    deadlineMs: stop.limit(0),
  };
  const startLimitMs = stop.limit(startLimit(options.timeoutMs));
  let child: ChildProcess;
  try {
    child = start(files, launch, [Math.ceil(startLimitMs), watchdogGraceMs(options.killGraceMs)]);
  } catch (error) {
    // For want of descriptors or processes Node emits `error`. It throws what else the system answers, and its own
    // refusals: of any process (`--permission`), of text in the file's header that no program can be given.
    return { ...end, error };
  }
  const killer = new GroupKiller(child, options.killGraceMs);
  const exited = new Promise<void>(resolve => {
    child.once('error', error => {
      end.error = error;
      if (child.pid === undefined) resolve();
    });
    // Not `close`, which a process that a function forked without exec, and that has our pipes, may put off for ever.
    child.once('exit', (code, signal) => {
      end.how = signal ? `was killed by ${signal}` : `exited with code ${code}`;
      resolve();
    });
  });
  // Without descriptors or processes left there is no list of pipes at all, or one of pipes that lead nowhere.
  const stdio = child.stdio as ChildProcess['stdio'] | undefined;
  const control = stdio?.[CONTROL_FD] as Writable | undefined;
  const events = stdio?.[EVENT_FD] as Readable | undefined;
  // EPIPE and the like: the child died before it read its request, which `exit` tells.
  control?.on('error', () => {});
  if (child.pid === undefined || !control || !events) {
    events?.on('error', () => {});
    await exited;
    return end;
  }
  end.hasStarted = true;
  killer.arm(startLimitMs);
  control.write(`${JSON.stringify(request)}\n`);
  // Closed at once: an orderly end would wait for a turn of our event loop.
  const tellToStop = (): void => void control.destroy();
  stop.signal?.addEventListener('abort', tellToStop, { once: true });
  const lines = createInterface({ input: events });
  // Nothing is heard of it any more: let it finish the function it is in. The marks in the file say the rest.
  lines.on('error', tellToStop);
  lines.on('line', line => {
    const event = parseEvent(line);
    if (event === undefined) return;
    if (event.kind === 'finished') end.isOrderly = true;
    else receive(event, files, end, killer, limit => stop.limit(options.timeoutMs ?? limit));
  });
  try {
    await exited;
    await allRead(events);
  } finally {
    stop.signal?.removeEventListener('abort', tellToStop);
    killer.disarm();
    control.destroy();
    events.destroy();
  }
  end.timedOutMs = killer.firedMs;
  return end;
}

/**
 * Resolves when everything is read that a process which has ended wrote into this pipe. The pipe's end may never come,
 * but all of that lies there: a whole turn of the event loop that finds nothing leaves nothing.
 */
async function allRead(events: Readable): Promise<void> {
  let hasFound = true;
  const find = (): void => {
    hasFound = true;
  };
  events.on('data', find);
  while (hasFound && !events.readableEnded) {
    hasFound = false;
    // To the end of this turn, which may have looked at the pipe already, and through the next.
    await setImmediate();
    await setImmediate();
  }
  events.off('data', find);
}

/** Undefined for the piece of a line that its child died over; the marks in the file say the same. */
function parseEvent(line: string): RunEvent | undefined {
  try {
    return JSON.parse(line) as RunEvent;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function receive(
  event: Exclude<RunEvent, { kind: 'finished' }>,
  files: readonly TakenFile[],
  end: ChildEnd,
  killer: GroupKiller,
  limit: (registeredMs: number) => number,
): void {
  const taken = files[event.file];
  if (!taken) return;
  switch (event.kind) {
    case 'mark': {
      taken.apply(event.mark);
      const timeoutMs = taken.contents.functions.get(event.mark.id)?.record.timeoutMs ?? 0;
      if (event.mark.kind === 'start') killer.arm(limit(timeoutMs));
      else killer.disarm();
      break;
    }
    case 'left':
      taken.leave(event.id, event.error);
      break;
    case 'failed':
      taken.failAs(event.error);
      end.failed.add(taken);
      break;
  }
}

function startLimit(timeoutMs: number = START_MS): number {
  return timeoutMs === 0 ? 0 : Math.max(timeoutMs, LEAST_START_MS);
}

function start(
  files: readonly TakenFile[],
  { execArgv, cwd }: Launch,
  limitsMs: readonly [start: number, grace: number],
): ChildProcess {
  const stderr = isOpen(2) ? 2 : 'ignore';
  return spawn(process.execPath, ['--require', PRELOAD, ...execArgv, MAIN, ...limitsMs.map(String)], {
    cwd,
    // A group of its own, so that what its functions started can be ended with it.
    detached: true,
    // What cleanups print must not get into the sweeper's own output, which may be a report.
    stdio: ['ignore', stderr, stderr, 'pipe', 'pipe', ...files.map(taken => taken.file.fd)],
  });
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EBADF') return false;
    throw error;
  }
}
