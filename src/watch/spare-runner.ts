/**
 * A runner that is up before a sweep wants one, for owners whose Node, options and permissions are the sweeper's. It is
 * used once, as every runner: what the functions of one sweep leave in their process does not meet those of the next.
 */
import type { Begin } from '../runner/protocol.ts';
import { type Launch, launchWithoutOptions } from '../sweep/runners/launch.ts';
import {
  type ReadyRunners,
  RunnerProcess,
  type RunnerSurroundings,
} from '../sweep/runners/runner-process.ts';

/** The next one starts when the one that was taken has had the processors for this long. */
const AFTER_TAKING_MS = 50;
/** After a death without use, doubled for each further one. */
const AFTER_DEATH_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

export class SpareRunner implements ReadyRunners {
  readonly #launch: Launch = launchWithoutOptions();
  readonly #surroundings: RunnerSurroundings;
  #runner: RunnerProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #deaths = 0;
  #isClosed = false;

  constructor(surroundings: RunnerSurroundings) {
    this.#surroundings = surroundings;
    this.#start();
  }

  /** As {@link ReadyRunners.take}. Another one is started. */
  async take(launch: Launch, begin: Begin): Promise<RunnerProcess | undefined> {
    const runner = this.#runner;
    if (runner === undefined || launch.key !== this.#launch.key) return undefined;
    this.#runner = undefined;
    this.#startIn(AFTER_TAKING_MS);
    if (!(await runner.ready())) return undefined;
    this.#deaths = 0;
    runner.begin(begin);
    return runner;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#runner?.stop();
  }

  #startIn(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#start(), ms);
  }

  #start(): void {
    const runner = new RunnerProcess(this.#launch, { kind: 'wait' }, this.#surroundings);
    this.#runner = runner;
    void runner.ended.then(() => {
      if (this.#runner !== runner) return;
      this.#runner = undefined;
      this.#startIn(Math.min(AFTER_DEATH_MS * 2 ** this.#deaths++, LONGEST_PAUSE_MS));
    });
  }
}
