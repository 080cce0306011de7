/** What is told of a file leads to a sweep of it; what may have been missed, to a sweep of all: `docs/protocol.md`, Watch. */
import { basename } from 'node:path';
import { hasCode } from '../errors.ts';
import { logReport, News, silent } from '../report/logger.ts';
import { type FileReport, nextRunInMs, type SweepReport, summarize } from '../report/report.ts';
import { isStateFileName } from '../state/names.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { monotonicMs, StopCondition } from '../stop.ts';
import type { ResolvedSweepOptions } from '../sweep/options.ts';
import { Signal } from '../sweep/signal.ts';
import { sweepDirectory } from '../sweep/sweep.ts';
import { LeftFiles } from './left-files.ts';
import type { ResolvedWatchOptions, WatchListener } from './options.ts';
import { SpareRunner } from './spare-runner.ts';
import { StateDirectoryWatch } from './state-directory-watch.ts';

const POLL_MS = 60_000;
const POLL_WITHOUT_EVENTS_MS = 1000;
/** From open(2) to flock(2) of a creator that has the processor. */
const CREATOR_MS = 10;
/** Of more, all are looked at. */
const MOST_WANTED = 10_000;

export class Watcher {
  readonly #directory: StateDirectory;
  readonly #options: ResolvedSweepOptions;
  readonly #resolved: ResolvedWatchOptions;
  readonly #listener: WatchListener;
  readonly #warn: (message: string) => void;
  readonly #abort = new AbortController();
  readonly #stop = new StopCondition(Number.POSITIVE_INFINITY, this.#abort.signal);
  readonly #watch: StateDirectoryWatch;
  readonly #left: LeftFiles;
  readonly #news = new News();
  readonly #changed = new Signal();
  /** Files to look at: those that are due (true), and those of which an event told. */
  readonly #wanted = new Map<string, boolean>();
  /** Names that a sweep looks at now. */
  readonly #inSweep = new Set<string>();
  /** Runners that may be started. Each sweep takes some, and gives them back at its end. */
  #free: number;
  #isStale = true;
  /** When all are to be looked at, by `monotonicMs`. */
  #allAtMs = 0;
  #hasEvents = false;
  #spare: SpareRunner | undefined;
  #fault: { readonly error: unknown } | undefined;
  /** Faults that last are told once. One that comes again after it was mended is told again. */
  readonly #toldOfSweeps = new Set<string>();
  readonly #toldOfEvents = new Set<string>();

  constructor(stateDirBase: string, resolved: ResolvedWatchOptions, listener: WatchListener = {}) {
    const { sweep: options, pollMs = POLL_MS } = resolved;
    this.#resolved = resolved;
    this.#listener = listener;
    this.#warn = listener.warn ?? (message => options.logger.warn(message));
    this.#directory = new StateDirectory(stateDirBase, { trust: options.trust, warn: this.#warn });
    // What happened is told by its news.
    this.#options = { ...options, signal: this.#abort.signal, logger: silent };
    this.#free = options.concurrency;
    this.#left = new LeftFiles(this.#directory.path, pollMs);
    this.#watch = new StateDirectoryWatch(this.#directory.path, {
      closed: name => this.#want(name),
      movedIn: name => {
        this.#left.expect(name);
        this.#changed.notify();
      },
      stale: () => {
        this.#isStale = true;
        this.#changed.notify();
      },
    });
  }

  async run(signal: AbortSignal | undefined): Promise<void> {
    const end = (): void => this.#end();
    signal?.addEventListener('abort', end);
    if (signal?.aborted) this.#end();
    try {
      // What cannot be read now is the caller's to mend.
      this.#directory.look();
      if (!this.#stop.isReached) {
        this.#arm();
        this.#spare = new SpareRunner({ options: this.#options, stop: this.#stop, listener: undefined });
        this.#listener.onWatching?.();
      }
      while (!this.#stop.isReached) {
        if (this.#isStale) this.#arm();
        this.#startSweeps();
        await this.#untilChanged();
      }
    } finally {
      signal?.removeEventListener('abort', end);
      this.#watch.close();
      while (this.#free < this.#options.concurrency) await this.#changed.next();
      await this.#spare?.close();
    }
    if (this.#fault) throw this.#fault.error;
  }

  #end(fault?: { readonly error: unknown }): void {
    this.#fault ??= fault;
    this.#abort.abort();
    this.#changed.notify();
  }

  #want(name: string): void {
    // One look at all is less work than so many.
    if (this.#wanted.size >= MOST_WANTED) {
      this.#wanted.clear();
      this.#allAtMs = 0;
    }
    if (!this.#wanted.has(name)) this.#wanted.set(name, false);
    this.#changed.notify();
  }

  /** Watches what is there now, and has all of it looked at. */
  #arm(): void {
    this.#isStale = false;
    // A creator that has just made the directory locks its file in a moment: one seen before counts as dead.
    this.#allAtMs = Math.min(this.#allAtMs, monotonicMs() + CREATOR_MS);
    try {
      this.#hasEvents = this.#watch.arm();
      this.#toldOfEvents.clear();
    } catch (error) {
      this.#hasEvents = false;
      this.#tell(
        this.#toldOfEvents,
        `cannot be told of what ends in ${this.#directory.path}: ${String(error)}; it is looked at every ${this.#everyMs} ms`,
      );
    }
  }

  #tell(told: Set<string>, message: string): void {
    if (!told.has(message)) this.#warn(`deferred-sweep: ${message}`);
    told.add(message);
  }

  get #everyMs(): number {
    return this.#resolved.pollMs ?? (this.#hasEvents ? POLL_MS : POLL_WITHOUT_EVENTS_MS);
  }

  async #untilChanged(): Promise<void> {
    const nextAtMs = Math.min(this.#allAtMs, this.#left.nextAtMs);
    // Without a free runner only the end of a sweep is of interest.
    const timer =
      this.#free > 0 && nextAtMs < Number.POSITIVE_INFINITY
        ? setTimeout(() => this.#changed.notify(), Math.max(1, Math.ceil(nextAtMs - monotonicMs())))
        : undefined;
    await this.#changed.next();
    clearTimeout(timer);
  }

  /** Starts sweeps of what is to be looked at, with the runners that are free. */
  #startSweeps(): void {
    if (this.#free === 0) return;
    if (monotonicMs() >= this.#allAtMs) {
      // A link on the way was changed, or the watches could not be had the last time.
      if (!this.#hasEvents || !this.#watch.isTrue()) this.#arm();
      this.#allAtMs = Number.POSITIVE_INFINITY;
      // One is left for those that die now.
      void this.#sweep(undefined, Math.max(1, this.#free - 1));
    }
    for (const name of this.#left.takeDue()) this.#wanted.set(name, true);
    if (this.#free === 0) return;
    const names: string[] = [];
    for (const [name, isDue] of this.#wanted) {
      // Its events are those of that sweep, or come after it: the sweep's end tells what is left.
      if (this.#inSweep.has(name)) continue;
      this.#wanted.delete(name);
      if (isDue || this.#left.hasChanged(name)) names.push(name);
    }
    names.sort();
    if (names.length > 0) void this.#sweep(names, Math.min(names.length, this.#free));
  }

  /** Sweeps these files, or all. Never rejects. */
  async #sweep(names: readonly string[] | undefined, runners: number): Promise<void> {
    for (const name of names ?? []) this.#inSweep.add(name);
    this.#free -= runners;
    try {
      const options = { ...this.#options, concurrency: runners };
      const part = { names, spare: this.#spare };
      const report = await sweepDirectory(this.#directory, options, this.#stop, part);
      this.#toldOfSweeps.clear();
      this.#listener.onSwept?.(true);
      this.#hear(report, names === undefined);
    } catch (error) {
      if (hasCode(error, 'DEFERRED_STATE_IO', 'DEFERRED_UNSAFE_DIRECTORY')) {
        // It cannot be read now. The next look at all tries again.
        this.#tell(this.#toldOfSweeps, error.message);
        this.#listener.onSwept?.(false);
      } else this.#end({ error });
    } finally {
      this.#free += runners;
      for (const name of names ?? []) this.#inSweep.delete(name);
      // It may have been wanted again meanwhile.
      if (names === undefined) this.#allAtMs = Math.min(this.#allAtMs, monotonicMs() + this.#everyMs);
      this.#changed.notify();
    }
  }

  #hear(report: SweepReport, isOfAll: boolean): void {
    const { directory, files, isComplete, ms } = report;
    for (const file of files) {
      const name = basename(file.path);
      // The directory itself, or a dead letter that was moved up: it must not be looked at as a state file.
      if (isStateFileName(name)) this.#note(name, file, isOfAll);
    }
    if (isOfAll && isComplete) {
      this.#left.keep(new Set(files.map(({ path }) => basename(path))));
      this.#news.keep(files);
    }
    const news = this.#news.of(files);
    if (news.length === 0) return;
    const told = summarize(directory, news, isComplete, ms);
    logReport(this.#resolved.sweep.logger, told);
    (async () => this.#resolved.onReport(told))().catch((error: unknown) => this.#end({ error }));
  }

  #note(name: string, file: FileReport, isOfAll: boolean): void {
    const { outcome, functions, error } = file;
    if (file.isRetired) this.#left.forget(name);
    else if (outcome === 'sweeping') this.#left.leaveLocked(name, true);
    else if (outcome === 'live' || outcome === 'held') {
      if (!isOfAll) this.#left.leaveLocked(name, false);
    } else {
      const hasRun = functions.length > 0 && error === undefined;
      this.#left.leave(name, nextRunInMs(file), hasRun);
    }
  }
}
