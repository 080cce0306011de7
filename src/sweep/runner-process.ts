/** The sweeper's side of one runner: starts it, names files, keeps its time, hears its events, ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
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
import type { StopCondition } from '../stop.ts';
import { withoutForeignDescriptors } from './foreign-descriptors.ts';
import { GroupKiller } from './group-killer.ts';
import { type Launch, runnerArgv, runnerEnvironment } from './launch.ts';
import type { ResolvedSweepOptions } from './options.ts';
import { Signal } from './signal.ts';

/** The end of a runner. */
export interface RunnerEnd {
  /** False if no process could be started. */
  readonly hasStarted: boolean;
  /** The limit that it exceeded, of its function or of its start. Undefined if it was not killed for one. */
  readonly timedOutMs: number | undefined;
  /** In words: `exited with code 3`. */
  readonly how: string;
  readonly error: unknown;
}

/** Called with each event of a runner. */
export type RunnerListener = (event: Exclude<RunnerEvent, { kind: 'ready' }>) => void;

/** A message as its sender has it. */
type Unsaid<Message extends Begin | Work> = Omit<Message, 'turn'>;

/** What a runner has to begin, unless the sweep says how long functions may take. */
const START_MS = 60_000;
/** Least limit of a start: the runner loads the owner's loaders, and the machine may be busy. */
const LEAST_START_MS = 10_000;

export class RunnerProcess {
  /** Resolves when the runner is gone and all its events were heard. */
  readonly ended: Promise<RunnerEnd>;
  readonly #killer: GroupKiller | undefined;
  readonly #control: Writable | undefined;
  readonly #events: Readable | undefined;
  readonly #options: ResolvedSweepOptions;
  readonly #stop: StopCondition;
  #listener: RunnerListener | undefined;
  #isReady = false;
  #turn = '';
  #hasEnded = false;
  readonly #changed = new Signal();

  constructor(launch: Launch, begin: Unsaid<Begin>, options: ResolvedSweepOptions, stop: StopCondition) {
    this.#options = options;
    this.#stop = stop;
    const limitMs = stop.limit(startLimit(options.timeoutMs), options.maxTimeoutMs && LEAST_START_MS);
    let child: ChildProcess;
    try {
      child = start(launch, [Math.ceil(limitMs), watchdogGraceMs(options.killGraceMs)]);
    } catch (error) {
      // Without descriptors or processes Node emits `error`. It throws other system errors and its own refusals: of any
      // process under `--permission`, or of text from the header that no program can be given.
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
    // EPIPE: the runner died before it read. Its exit says so.
    this.#control?.on('error', () => {});
    this.ended = this.#watch(child);
    if (child.pid === undefined) return;
    this.#killer.arm(limitMs);
    this.#hear();
    copyOutput(child);
    this.#say(begin);
    stop.signal?.addEventListener('abort', this.#tellToStop, { once: true });
  }

  /** Resolves when the runner asks for files (true) or is gone (false). */
  async ready(): Promise<boolean> {
    while (!this.#isReady && !this.#hasEnded) {
      await this.#changed.next();
    }
    return this.#isReady && !this.#hasEnded;
  }

  /** Hands over files, whose locks are free. The runner must be ready; it is again when it is through with them. */
  give(work: Unsaid<Work>, listener: RunnerListener): void {
    this.#listener = listener;
    this.#isReady = false;
    this.#say(work);
  }

  /** Lets the runner finish its function, within its limit, and resolves when the runner is gone. */
  async stop(): Promise<RunnerEnd> {
    // A function may have left something that keeps the runner from ending.
    if (this.#isReady) this.#killer?.arm(this.#options.killGraceMs);
    this.#tellToStop();
    return this.ended;
  }

  readonly #tellToStop = (): void => {
    // At once: an orderly end would wait for a turn of the event loop.
    this.#control?.destroy();
  };

  #say(message: Unsaid<Begin> | Unsaid<Work>): void {
    this.#turn = randomUUID();
    this.#control?.write(`${JSON.stringify({ ...message, turn: this.#turn })}\n`);
  }

  #hear(): void {
    const events = this.#events;
    if (!events) return;
    // A bad line ends the runner: a function wrote it, or the pipe is broken.
    const reader = new LineReader(events, line => this.#receive(line), this.#tellToStop);
    events.on('error', () => reader.fail());
  }

  #receive(line: string): void {
    if (line === '') return;
    const event = parseEvent(line);
    // What no runner says, or not now, was written by a function.
    if (event === undefined || (event.kind === 'ready' && (event.turn !== this.#turn || this.#isReady))) {
      this.#tellToStop();
      return;
    }
    switch (event.kind) {
      case 'ready':
        this.#killer?.disarm();
        this.#isReady = true;
        this.#changed.notify();
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
    // Not `close`: a process that a function forked without exec keeps the pipes open, perhaps for ever.
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
    this.#changed.notify();
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

/** Copies the output of functions to standard error, as fast as that takes it. Failures to copy are ignored. */
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

/** False if standard error is a full pipe. The rest of this chunk is dropped. */
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
 * Resolves when all output of an ended process was read from these pipes. The end of a pipe may never come: another
 * process may have it. But all data lies in the pipe, so a whole turn of the event loop without data means: all read.
 */
async function allRead(pipes: readonly (Readable | null | undefined)[]): Promise<void> {
  let hasFound = true;
  const find = (): void => {
    hasFound = true;
  };
  for (const pipe of pipes) pipe?.on('data', find);
  while (hasFound && pipes.some(pipe => pipe && !pipe.readableEnded && !pipe.destroyed)) {
    hasFound = false;
    // This turn may have looked at the pipe already, so wait for the next one to end.
    await setImmediate();
    await setImmediate();
  }
  for (const pipe of pipes) pipe?.off('data', find);
}
