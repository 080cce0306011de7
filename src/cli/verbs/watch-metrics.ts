/** Metrics of a watch: what it has done since it began, and what is there now. */

import { unlessRefused } from '../../errors.ts';
import { hasProblems, type SweepReport } from '../../report/report.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import type { WatchOptions } from '../../watch/options.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT } from '../exit.ts';
import { type Figures, figuresOf, NO_FUNCTIONS, writeMetrics } from '../metrics.ts';

/** As often as anything may have changed. */
const EVERY_MS = 60_000;
/** Most often: the whole directory is listed for it. */
const LEAST_PAUSE_MS = 5000;

export class WatchMetrics {
  readonly #path: string;
  readonly #options: WatchOptions;
  /** By base. */
  readonly #figures = new Map<string, Figures>();
  /** The bases that could not be swept the last time. */
  readonly #bad = new Set<string>();
  #status = EXIT_DONE;
  #writing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, bases: readonly string[], options: WatchOptions) {
    this.#path = path;
    this.#options = options;
    for (const base of bases) {
      const directory = unlessRefused(() => new StateDirectory(base).path, base);
      this.#figures.set(base, { directory, swept: 0, functions: NO_FUNCTIONS, ms: 0 });
    }
  }

  /** Whether a base can be swept now. */
  note(base: string, isGood: boolean): void {
    if (this.#bad.has(base) !== isGood) return;
    if (isGood) this.#bad.delete(base);
    else this.#bad.add(base);
    this.#writeAfter(LEAST_PAUSE_MS);
  }

  count(base: string, report: SweepReport): void {
    const { directory, swept, functions: now, ms } = figuresOf(report);
    const before = this.#figures.get(base)!;
    const functions = { ...now };
    for (const outcome of Object.keys(now) as (keyof typeof now)[])
      functions[outcome] += before.functions[outcome];
    this.#figures.set(base, { directory, swept: before.swept + swept, functions, ms: before.ms + ms });
    this.#status = hasProblems(report) ? EXIT_FAILED : EXIT_DONE;
    this.#writeAfter(LEAST_PAUSE_MS);
  }

  /** Writes them for the last time. */
  async end(status: number): Promise<void> {
    this.#status = Math.max(status, this.#status);
    this.write();
    clearTimeout(this.#timer);
    await this.#writing;
  }

  /** @param pauseMs - since they were written last */
  #writeAfter(pauseMs: number): void {
    clearTimeout(this.#timer);
    const leftMs = this.#writtenAtMs + pauseMs - performance.now();
    this.#timer = setTimeout(() => this.write(), Math.max(0, leftMs));
  }

  /** Called first when it is known which bases can be watched. */
  write(): void {
    this.#writtenAtMs = performance.now();
    const good = [...this.#figures].filter(([base]) => !this.#bad.has(base));
    const status = this.#bad.size > 0 ? EXIT_NOT_SWEPT : this.#status;
    this.#writing = this.#writing.then(() =>
      writeMetrics(
        this.#path,
        good.map(([base]) => base),
        good.map(([, figures]) => figures),
        this.#options,
        status,
      ),
    );
    this.#writeAfter(EVERY_MS);
  }
}
