/** The runners of one sweep. Candidates wait here, locked. `docs/protocol.md`, Sweep, steps 3 to 5. */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { nonceOf } from '../../log/nonce.ts';
import type { ReportedError } from '../../log/records.ts';
import { reportError } from '../../report/reported-error.ts';
import type { Begin } from '../../runner/protocol.ts';
import type { SweepContext } from '../claim-or-retire.ts';
import type { Looker } from '../look.ts';
import type { Candidate } from '../look-outcome.ts';
import { Signal } from '../signal.ts';
import { Aftermath } from './aftermath.ts';
import { mostHeld } from './descriptors.ts';
import {
  isOfSweeper,
  type Launch,
  type LaunchQueue,
  launchOf,
  plainLaunch,
  refuseLoaders,
} from './launch.ts';
import { Rounds } from './rounds.ts';
import { cannotStart, NOT_STARTED, type RunnerEnd, whyItDied } from './runner-death.ts';
import { type ReadyRunners, RunnerProcess } from './runner-process.ts';

/** Runners of one launch in a row that may die before they begin a function. */
const MOST_IDLE_DEATHS = 2;

export class Crew {
  readonly #sweep: SweepContext;
  readonly #base: string;
  readonly #spare: ReadyRunners | undefined;
  readonly #aftermath: Aftermath;
  readonly #queues = new Map<string, LaunchQueue>();
  #mostHeld: number | undefined;
  readonly #changed = new Signal();
  #runners = 0;
  /** Runners started so far. */
  launched = 0;
  /** Whether candidates may still come. */
  #isFilling = true;

  constructor(sweep: SweepContext, looker: Looker, spare: ReadyRunners | undefined) {
    this.#sweep = sweep;
    this.#base = dirname(looker.directory.path);
    this.#spare = spare;
    this.#aftermath = new Aftermath(looker, sweep.book);
  }

  get isAtWork(): boolean {
    return this.#runners > 0;
  }

  /** Resolves when one more candidate may be held. */
  async room(): Promise<void> {
    // Not asked before: most sweeps have no runner.
    this.#mostHeld ??= mostHeld();
    while (this.#runners > 0 && this.#held >= this.#mostHeld) await this.#changed.next();
  }

  /** Takes over a candidate. When {@link finished} resolves, its functions have run, unless the sweep had to stop. */
  take(candidate: Candidate): void {
    const launch = launchOf(candidate.header);
    const failure = refuseLoaders(launch, candidate.header, this.#sweep.options.trust);
    const key = failure === undefined ? launch.key : `${launch.key} ${failure.message}`;
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = { launch, waiting: [], runners: 0, idleDeaths: 0, failure, isBlameless: false };
      this.#queues.set(key, queue);
    }
    queue.waiting.push(candidate);
    this.#staff();
    this.#changed.notify();
  }

  /** No more candidates come for now. Resolves when no runner is left. */
  async finished(): Promise<void> {
    this.#isFilling = false;
    this.#changed.notify();
    while (this.#runners > 0) await this.#changed.next();
    this.#isFilling = true;
  }

  get #held(): number {
    let held = 0;
    for (const { waiting } of this.#queues.values()) held += waiting.length;
    return held;
  }

  /** Starts work on queues with waiting candidates, up to `concurrency` runners. */
  #staff(): void {
    for (const queue of this.#queues.values()) {
      if (this.#runners >= this.#sweep.options.concurrency) return;
      if (queue.waiting.length <= queue.runners) continue;
      this.#runners++;
      queue.runners++;
      void this.#workOff(queue);
    }
  }

  /** Starts one runner after the other until the queue is empty. Never rejects. */
  async #workOff(queue: LaunchQueue): Promise<void> {
    try {
      while (await this.#isNeeded(queue)) {
        if (queue.failure && queue.isBlameless) this.#aftermath.giveBack(queue.waiting, queue.failure);
        else if (queue.failure) await this.#aftermath.failAttempts(queue, queue.failure);
        else await this.#employ(queue);
        this.#changed.notify();
      }
    } catch (error) {
      // A bug of this package. Report it, and let other files be swept.
      this.#aftermath.giveBack(queue.waiting, reportError(error));
    } finally {
      queue.runners--;
      this.#runners--;
      this.#staff();
      this.#changed.notify();
    }
  }

  /** True when the queue has work. Waits while it may still be filled and no other launch wants the place. */
  async #isNeeded(queue: LaunchQueue): Promise<boolean> {
    for (;;) {
      if (this.#sweep.stop.isReached) {
        this.#aftermath.giveBack(queue.waiting);
        this.#changed.notify();
        return false;
      }
      if (queue.waiting.length > 0) return true;
      const isWanted = [...this.#queues.values()].some(other => other.waiting.length > other.runners);
      if (!this.#isFilling || isWanted) return false;
      await this.#changed.next();
    }
  }

  /** Starts a runner, gives it files while there are some, and settles the files it leaves. */
  async #employ(queue: LaunchQueue): Promise<void> {
    const { options, stop, book, listener } = this.#sweep;
    const nonce = nonceOf(this.#sweep.sweepId, ++this.launched);
    const begin = this.#begin(nonce, queue.launch);
    // What a spare runner's functions print goes to standard error.
    const ready = listener ? undefined : await this.#spare?.take(queue.launch, begin);
    const runner = ready ?? new RunnerProcess(queue.launch, begin, this.#sweep);
    const rounds = new Rounds(runner, book);
    let hasWorked = false;
    let isAlive = false;
    let end: RunnerEnd;
    try {
      isAlive = await runner.ready();
      while (isAlive && (rounds.count > 0 || (await this.#isNeeded(queue)))) {
        rounds.fill(queue, options.concurrency, stop.isReached);
        this.#changed.notify();
        // Another runner was faster.
        if (rounds.count === 0) continue;
        isAlive = await runner.ready();
        if (!isAlive) break;
        hasWorked = true;
        for (const candidate of rounds.end()) await this.#aftermath.settle(queue, candidate);
      }
    } finally {
      // An error may end the sweep here. No process would hear of what the runner does after that.
      end = await runner.stop();
    }
    if (isAlive) return;
    await this.#clearUp(queue, rounds.files, nonce, end, hasWorked);
  }

  #begin(nonce: string, { notes }: Launch): Begin {
    const { sweepId, sweptAtMs, options, stop, listener } = this.#sweep;
    return {
      kind: 'begin',
      base: this.#base,
      lock: options.lock,
      trust: options.trust,
      sweepId,
      sweptAtMs,
      nonce,
      timeoutMs: options.timeoutMs,
      maxTimeoutMs: options.maxTimeoutMs,
      maxAttempts: options.maxAttempts,
      retryDelayMs: options.retryDelayMs,
      killGraceMs: options.killGraceMs,
      deadlineAtMs: stop.deadlineAtMs === Number.POSITIVE_INFINITY ? undefined : stop.deadlineAtMs,
      notes,
      outputMark: listener && randomUUID(),
    };
  }

  /** After a runner's death: ends the attempt it died in, and queues the rest for another runner. */
  async #clearUp(
    queue: LaunchQueue,
    handed: readonly Candidate[],
    nonce: string,
    end: RunnerEnd,
    hasWorked: boolean,
  ): Promise<void> {
    const { book, deaths, stop } = this.#sweep;
    // No descriptors, no processes, or Node refuses. That is no function's fault, and counts no attempt.
    if (end.how === NOT_STARTED) return this.#aftermath.giveBack(queue.waiting, cannotStart(end));
    const reason = (name: string): ReportedError => whyItDied(name, end);
    deaths.set(nonce, reason);
    let hasBegun = hasWorked || end.hasBegun;
    for (const candidate of handed) {
      // What was not heard may have ended well. If the file is there, its marks say so.
      if (end.unheard === undefined) book.endBegun(candidate.path, reason);
      if (await this.#aftermath.settle(queue, candidate, end)) hasBegun = true;
    }
    // The oldest first again.
    queue.waiting.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (stop.isReached) return;
    queue.idleDeaths = hasBegun ? 0 : queue.idleDeaths + 1;
    if (queue.idleDeaths >= MOST_IDLE_DEATHS) {
      queue.failure = cannotStart(end);
      // Before it was named a file: this package is just being replaced, or the machine is at its end.
      queue.isBlameless = handed.length === 0 && isOfSweeper(queue.launch);
    }
    // A loader that is gone or hangs keeps Node from starting. Most functions need no loader.
    else if (queue.idleDeaths > 0) queue.launch = plainLaunch(queue.launch);
  }
}
