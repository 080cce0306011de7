/** Metrics of a watch: what it has done since it began, and what is there now. */

import { hasProblems, type SweepReport } from '../../report/report.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import type { WatchOptions } from '../../watch/options.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { type Figures, figuresOf, NO_FUNCTIONS, writeMetrics } from '../metrics.ts';

/** As often as anything may have changed. */
const EVERY_MS = 60_000;
/** Most often: the whole directory is listed for it. */
const LEAST_PAUSE_MS = 5000;

export class WatchMetrics {
  readonly #path: string;
  readonly #bases: readonly string[];
  readonly #options: WatchOptions;
  readonly #figures = new Map<string, Figures>();
  #status = EXIT_DONE;
  #writing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, bases: readonly string[], options: WatchOptions) {
    this.#path = path;
    this.#bases = bases;
    this.#options = options;
    for (const base of bases) {
      const directory = new StateDirectory(base).path;
      this.#figures.set(directory, { directory, swept: 0, functions: NO_FUNCTIONS, ms: 0 });
    }
    this.#write();
  }

  count(report: SweepReport): void {
    const now = figuresOf(report);
    const before = this.#figures.get(report.directory);
    if (before === undefined) return;
    const functions = { ...now.functions };
    for (const outcome of Object.keys(functions) as (keyof typeof functions)[])
      functions[outcome] += before.functions[outcome];
    const { directory } = report;
    this.#figures.set(directory, {
      directory,
      swept: before.swept + now.swept,
      functions,
      ms: before.ms + now.ms,
    });
    this.#status = hasProblems(report) ? EXIT_FAILED : EXIT_DONE;
    this.#writeIn(Math.max(0, this.#writtenAtMs + LEAST_PAUSE_MS - performance.now()));
  }

  /** Writes them for the last time. */
  async end(status: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#status = Math.max(status, this.#status);
    this.#write();
    clearTimeout(this.#timer);
    await this.#writing;
  }

  #writeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), ms);
  }

  #write(): void {
    this.#writtenAtMs = performance.now();
    this.#writing = this.#writing.then(() =>
      writeMetrics(this.#path, this.#bases, [...this.#figures.values()], this.#options, this.#status),
    );
    this.#writeIn(EVERY_MS);
  }
}
