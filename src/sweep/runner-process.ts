/** The sweeper's side of one runner: starts it, hands it files, keeps its time, hears what it says, ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';
import { LineReader } from '../runner/line-reader.ts';
import {
  type Begin,
  CONTROL_FD,
  EVENT_FD,
  parseEvent,
  type RunnerEvent,
  type Work,
  watchdogGraceMs,
} from '../runner/protocol.ts';
import { withoutForeignDescriptors } from './foreign-descriptors.ts';
import { GroupKiller } from './group-killer.ts';
import { type Launch, runnerArgv, runnerEnvironment } from './launch.ts';
import type { ResolvedSweepOptions } from './options.ts';
import type { StopCondition } from './stop.ts';

/** How a runner ended. */
export interface RunnerEnd {
  /** False when there was not even a process. */
  readonly hasStarted: boolean;
  /** The limit for which it was killed: of the function it was in, or of its start. */
  readonly timedOutMs: number | undefined;
  /** In words: `exited with code 3`. */
  readonly how: string;
  readonly error: unknown;
}

/** Told what a runner says, as it says it. */
export type RunnerListener = (event: Exclude<RunnerEvent, { kind: 'ready' }>) => void;

/** What a runner has to begin, unless the sweep says how long functions may take. */
const START_MS = 60_000;
/** It loads what its owner had loaded, on a machine that may be busy. */
const LEAST_START_MS = 10_000;

export class RunnerProcess {
  /** Resolves when it is gone, and all that it said was heard. */
  readonly ended: Promise<RunnerEnd>;
  readonly #killer: GroupKiller | undefined;
  readonly #control: Writable | undefined;
  readonly #events: Readable | undefined;
  readonly #options: ResolvedSweepOptions;
  readonly #stop: StopCondition;
  #listener: RunnerListener | undefined;
  #isReady = false;
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(launch: Launch, begin: Begin, options: ResolvedSweepOptions, stop: StopCondition) {
    this.#options = options;
    this.#stop = stop;
    const limitMs = stop.limit(startLimit(options.timeoutMs), options.maxTimeoutMs && LEAST_START_MS);
    let child: ChildProcess;
    try {
      child = start(launch, [Math.ceil(limitMs), watchdogGraceMs(options.killGraceMs)]);
    } catch (error) {
      // For want of descriptors or processes Node emits `error`. It throws what else the system answers, and its own
      // refusals: of any process (`--permission`), of text in the file's header that no program can be given.
      this.#hasEnded = true;
      this.ended = Promise.resolve({
        hasStarted: false,
        timedOutMs: undefined,
        how: 'could not be started',
        error,
      });
      return;
    }
    this.#killer = new GroupKiller(child, options.killGraceMs);
    // On EMFILE or EAGAIN `stdio` is undefined or unusable.
    const stdio = child.stdio as ChildProcess['stdio'] | undefined;
    this.#control = stdio?.[CONTROL_FD] as Writable | undefined;
    this.#events = stdio?.[EVENT_FD] as Readable | undefined;
    // EPIPE: the runner died before it read, which its exit tells.
    this.#control?.on('error', () => {});
    this.ended = this.#watch(child);
    if (child.pid === undefined) return;
    this.#killer.arm(limitMs);
    this.#hear();
    copyOutput(child);
    this.#say(begin);
    stop.signal?.addEventListener('abort', this.#tellToStop, { once: true });
  }

  /** Resolves when it asks for files (true), or is gone (false). */
  async ready(): Promise<boolean> {
    while (!this.#isReady && !this.#hasEnded) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return this.#isReady && !this.#hasEnded;
  }

  /** Hands over files, whose locks are free. The runner must be ready; it is again when it is through with them. */
  give(work: Work, listener: RunnerListener): void {
    this.#listener = listener;
    this.#isReady = false;
    this.#say(work);
  }

  /** Lets it finish the function it is in, and waits until it is gone; its time is kept. */
  async stop(): Promise<RunnerEnd> {
    // A function may have left something behind that keeps it from ending.
    if (this.#isReady) this.#killer?.arm(this.#options.killGraceMs);
    this.#tellToStop();
    return this.ended;
  }

  readonly #tellToStop = (): void => {
    // Closed at once: an orderly end would wait for a turn of the event loop.
    this.#control?.destroy();
  };

  #say(message: Begin | Work): void {
    this.#control?.write(`${JSON.stringify(message)}\n`);
  }

  #hear(): void {
    const events = this.#events;
    if (!events) return;
    // What cannot be a line of a runner's ends the runner: a function wrote it, or the pipe is broken.
    const reader = new LineReader(events, line => this.#receive(line), this.#tellToStop);
    events.on('error', () => reader.fail());
  }

  #receive(line: string): void {
    const event = parseEvent(line);
    if (event === undefined) {
      this.#tellToStop();
      return;
    }
    switch (event.kind) {
      case 'ready':
        this.#killer?.disarm();
        this.#isReady = true;
        this.#wake();
        return;
      case 'start':
        this.#killer?.arm(this.#stop.limit(event.timeoutMs, this.#options.maxTimeoutMs));
        break;
      case 'ran':
        this.#killer?.disarm();
        break;
    }
    this.#listener?.(event);
  }

  async #watch(child: ChildProcess): Promise<RunnerEnd> {
    let error: unknown;
    // Not `close`: a process that a function forked without exec, and that has our pipes, may put it off for ever.
    const how = await new Promise<string>(resolve => {
      child.once('error', cause => {
        error = cause;
        if (child.pid === undefined) resolve('could not be started');
      });
      child.once('exit', (code, signal) =>
        resolve(signal ? `was killed by ${signal}` : `exited with code ${code}`),
      );
    });
    if (child.pid !== undefined) await allRead([this.#events, child.stdout, child.stderr]);
    this.#hasEnded = true;
    this.#wake();
    this.#stop.signal?.removeEventListener('abort', this.#tellToStop);
    this.#killer?.disarm();
    this.#control?.destroy();
    this.#events?.on('error', () => {}).destroy();
    for (const output of [child.stdout, child.stderr]) output?.destroy();
    return { hasStarted: child.pid !== undefined, timedOutMs: this.#killer?.firedMs, how, error };
  }
}

function startLimit(timeoutMs: number = START_MS): number {
  return timeoutMs === 0 ? 0 : Math.max(timeoutMs, LEAST_START_MS);
}

function start(launch: Launch, limitsMs: readonly number[]): ChildProcess {
  return withoutForeignDescriptors(EVENT_FD, extra =>
    spawn(launch.nodePath, runnerArgv(launch, limitsMs), {
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

/** Copies what functions print to standard error, as fast as that takes it. Nothing of it is worth an error here. */
function copyOutput(child: ChildProcess): void {
  for (const output of [child.stdout, child.stderr]) {
    output
      ?.on('error', () => {})
      .on('data', (chunk: Buffer) => {
        if (writeSome(chunk)) return;
        output.pause();
        setTimeout(() => output.resume(), FULL_PIPE_MS).unref();
      });
  }
}

const FULL_PIPE_MS = 10;

/** False where standard error is a pipe that is full: what is left of this chunk is dropped. */
function writeSome(chunk: Buffer): boolean {
  try {
    writeSync(2, chunk);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    // Closed, or its reader is gone: no reader misses it.
    return systemErrorCode(error) !== 'EAGAIN';
  }
}

/**
 * Resolves when everything is read that a process which has ended wrote into these pipes. The end of a pipe may never
 * come, but all of that lies there: a whole turn of the event loop that finds nothing leaves nothing.
 */
async function allRead(pipes: readonly (Readable | null | undefined)[]): Promise<void> {
  let hasFound = true;
  const find = (): void => {
    hasFound = true;
  };
  for (const pipe of pipes) pipe?.on('data', find);
  while (hasFound && pipes.some(pipe => pipe && !pipe.readableEnded && !pipe.destroyed)) {
    hasFound = false;
    // To the end of this turn, which may have looked at the pipe already, and through the next.
    await setImmediate();
    await setImmediate();
  }
  for (const pipe of pipes) pipe?.off('data', find);
}
