/** The sweeper's side of one runner: starts it, names files, keeps its time, hears its events, ends it. */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Duplex, Readable } from 'node:stream';
import { LineReader } from '../../runner/line-reader.ts';
import {
  type Asked,
  type Begin,
  CONTROL_FD,
  EVENT_FD,
  eventOf,
  type FileEvent,
  type Hurry,
  PIPE_BROKEN,
  type Wait,
  type Work,
  watchdogGraceMs,
} from '../../runner/protocol.ts';
import type { StopCondition } from '../../stop.ts';
import type { SweepContext } from '../claim-or-retire.ts';
import type { ResolvedSweepOptions } from '../options.ts';
import { Signal } from '../signal.ts';
import { GroupKiller } from './group-killer.ts';
import { type Launch, startRunner } from './launch.ts';
import { NOT_STARTED, type RunnerEnd } from './runner-death.ts';
import { allRead, copyOutput } from './runner-output.ts';

/** What a runner has to begin, unless the sweep says how long functions may take. */
const START_MS = 60_000;
/** Least limit of a start: the runner loads the owner's loaders, and the machine may be busy. */
const LEAST_START_MS = 10_000;

/** What a runner has of its sweep. */
export type RunnerSurroundings = Pick<SweepContext, 'options' | 'stop' | 'listener'>;

/** Runners that were started before a sweep wanted one. */
export interface ReadyRunners {
  /** One of this launch that is up and has begun with this, or undefined. It belongs to the caller. */
  take(launch: Launch, begin: Begin): Promise<RunnerProcess | undefined>;
}

export class RunnerProcess {
  /** Resolves when the runner is gone and all its events were heard. */
  readonly ended: Promise<RunnerEnd>;
  readonly #killer: GroupKiller | undefined;
  readonly #control: Duplex | undefined;
  readonly #events: Readable | undefined;
  readonly #options: ResolvedSweepOptions;
  readonly #stop: StopCondition;
  #listener: ((event: FileEvent) => void) | undefined;
  /** Of messages that it has not answered, oldest first. */
  readonly #turns: string[] = [];
  /** Those that {@link ready} has not told of. */
  #answers = 0;
  #hasBegun = false;
  /** True from the start of a function to its end. */
  #isCalling = false;
  /** True: its end of the control pipe is closed. */
  #isDeaf = false;
  #hasEnded = false;
  #endOutput: () => void = () => {};
  #unheard: unknown;
  readonly #changed = new Signal();

  /** @param first - what it is told when it is up */
  constructor(launch: Launch, first: Wait | Begin, { options, stop, listener }: RunnerSurroundings) {
    this.#options = options;
    this.#stop = stop;
    const limitMs = this.#startLimitMs();
    let child: ChildProcess;
    try {
      child = startRunner(launch, [Math.ceil(limitMs), watchdogGraceMs(options.killGraceMs)]);
    } catch (error) {
      // Without descriptors or processes Node emits `error`. It throws other system errors and its own refusals: of any
      // process under `--permission`, or of text from the header that no program can be given.
      this.#hasEnded = true;
      this.ended = Promise.resolve({ hasBegun: false, how: NOT_STARTED, error });
      return;
    }
    this.#killer = new GroupKiller(child, options.killGraceMs);
    // On EMFILE or EAGAIN `stdio` is undefined or unusable.
    const stdio = child.stdio as ChildProcess['stdio'] | undefined;
    this.#control = stdio?.[CONTROL_FD] as Duplex | undefined;
    this.#events = stdio?.[EVENT_FD] as Readable | undefined;
    // EPIPE: the runner died before it read. Its exit says so. ENOTCONN: there is no pipe, and no runner, because
    // socketpair(2) was refused. All of them: an error that no listener hears would end this process.
    for (const stream of stdio ?? []) stream?.on('error', () => {});
    this.ended = this.#watch(child);
    if (child.pid === undefined) return;
    this.#killer.arm(limitMs);
    this.#hear();
    for (const end of ['end', 'error']) this.#control?.resume().once(end, this.#onDeaf);
    this.#endOutput = copyOutput(child, 'outputMark' in first ? first.outputMark : undefined, listener);
    this.#say(first);
    stop.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Resolves when the runner has answered one more message, which it then is through with (true), or is gone (false). */
  async ready(): Promise<boolean> {
    while (this.#answers === 0 && !this.#hasEnded) await this.#changed.next();
    if (this.#hasEnded) return false;
    this.#answers--;
    return true;
  }

  /** Takes a runner that was told to wait, and is ready, into a sweep. It is ready again in a moment. */
  begin(message: Begin): void {
    this.#killer?.arm(this.#startLimitMs());
    this.#say(message);
  }

  /** Hands over files, whose locks are free. The runner sees to them when it is through with those of earlier calls. */
  give(work: Work, listener: (event: FileEvent) => void): void {
    this.#listener = listener;
    const isIdle = this.#turns.length === 0;
    this.#say(work);
    if (isIdle) this.#limitSteps();
  }

  /** Lets the runner finish its function, within its limit, and resolves when the runner is gone. */
  async stop(): Promise<RunnerEnd> {
    // A function may have left something that keeps the runner from ending.
    if (this.#turns.length === 0 && !this.#hasEnded) this.#killer?.arm(this.#options.killGraceMs);
    this.#tellToStop();
    return this.ended;
  }

  readonly #tellToStop = (): void => {
    // At once: an orderly end would wait for a turn of the event loop.
    this.#control?.destroy();
  };

  readonly #onAbort = (): void => {
    if (this.#stop.isHurried) {
      this.#control?.write(`${JSON.stringify({ kind: 'hurry' } satisfies Hurry)}\n`);
      this.#killer?.hurry();
    }
    this.#tellToStop();
  };

  /** A function has closed the pipe, or the runner is at its end. It hears of no more files. */
  readonly #onDeaf = (): void => {
    this.#isDeaf = true;
    // The function in progress has its time, and a limit that was exceeded stays the reason.
    if (!this.#isCalling && this.#killer?.firedMs === undefined) this.#limitSteps();
  };

  #startLimitMs(): number {
    const { timeoutMs = START_MS, maxTimeoutMs } = this.#options;
    const askedMs = timeoutMs === 0 ? 0 : Math.max(timeoutMs, LEAST_START_MS);
    return this.#stop.limit(askedMs, maxTimeoutMs && LEAST_START_MS);
  }

  /** Of what a runner does between functions: it claims files and replays them. Without files it may wait. */
  #limitSteps(): void {
    if (this.#isDeaf) this.#killer?.arm(this.#options.killGraceMs);
    else if (this.#turns.length === 0) this.#killer?.disarm();
    else this.#killer?.arm(this.#stop.limit(START_MS, this.#options.maxTimeoutMs && START_MS));
  }

  #say(message: Wait | Begin | Work): void {
    const turn = randomUUID();
    this.#turns.push(turn);
    this.#control?.write(`${JSON.stringify({ ...message, turn } satisfies Asked)}\n`);
  }

  #hear(): void {
    const events = this.#events;
    if (!events) return;
    // A bad line ends the runner: a function wrote it, or the pipe is broken.
    const reader = new LineReader(events, line => this.#receive(line), this.#tellToStop);
    events.on('error', error => {
      this.#unheard ??= error;
      reader.fail();
    });
  }

  #receive(line: string): void {
    if (line === '') return;
    const event = eventOf(line, this.#turns[0]);
    if (event === undefined) {
      this.#tellToStop();
      return;
    }
    switch (event.kind) {
      case 'ready':
        this.#turns.shift();
        this.#limitSteps();
        this.#answers++;
        this.#changed.notify();
        return;
      case 'start':
        this.#hasBegun = true;
        this.#isCalling = true;
        this.#killer?.arm(this.#stop.limit(event.timeoutMs, this.#options.maxTimeoutMs));
        break;
      default:
        this.#isCalling = false;
        this.#limitSteps();
    }
    this.#listener?.(event);
  }

  async #watch(child: ChildProcess): Promise<RunnerEnd> {
    let error: unknown;
    // Not `close`: a process that a function forked without exec keeps the pipes open, perhaps for ever.
    const how = await new Promise<string>(resolve => {
      child.once('error', cause => {
        error = cause;
        if (child.pid === undefined) resolve(NOT_STARTED);
      });
      child.once('exit', (code, signal) => {
        if (code === PIPE_BROKEN) this.#unheard ??= new Error('a function closed the event pipe');
        resolve(signal ? `was killed by ${signal}` : `exited with code ${code}`);
      });
    });
    if (child.pid !== undefined) await allRead([this.#events, child.stdout, child.stderr]);
    this.#endOutput();
    this.#hasEnded = true;
    this.#changed.notify();
    this.#stop.signal?.removeEventListener('abort', this.#onAbort);
    this.#killer?.release();
    this.#control?.destroy();
    this.#events?.on('error', () => {}).destroy();
    for (const output of [child.stdout, child.stderr]) output?.destroy();
    return {
      hasBegun: this.#hasBegun,
      timedOutMs: this.#killer?.firedMs,
      hurriedMs: this.#killer?.hurriedMs,
      how,
      error,
      unheard: this.#unheard,
    };
  }
}
