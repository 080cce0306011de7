/**
 * One sweep of a state directory: take over every orphan, run what is pending in it, retire it. `design.md` §3.
 *
 * It depends on three things only: the lock decides who lives, the records say what is left to do, and every file is
 * handled under its lock by one runner at a time. It may be killed at any point.
 */
import { unlinkSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { hasCode } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { LockPatience } from '../lock/patience.ts';
import { moveDamaged } from '../state/dead-letter.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { StateFile } from '../state/state-file.ts';
import { traceSweep } from '../tracing.ts';
import { logReport } from './logger.ts';
import {
  directoryOptions,
  type ResolvedSweepOptions,
  resolveSweepOptions,
  type SweepOptions,
} from './options.ts';
import { type FileReport, refusedReport, type SweepReport, summarize } from './report.ts';
import type { Runner } from './runner/runner.ts';
import { StopCondition } from './stop.ts';
import { type Orphan, OrphanTaker, type TakeOver } from './take-over.ts';
import { TakenFile } from './taken-file.ts';

/** How long the lock of a sick file server is asked for, for all files of a sweep together. */
const LOCK_PATIENCE_MS = 5000;
/** The event loop is let breathe after so long a slice of synchronous work. */
const SLICE_MS = 10;
/** Files handed to one runner: each keeps a descriptor open and a lock held until the runner is through. */
const BATCH_FILES = 64;
/** Their bytes are kept as well: a batch ends with the file that exceeds this. */
const BATCH_BYTES = 32 * 1024 * 1024;

/**
 * Runs every function that dead processes left in `<stateDirBase>/deferred`, and returns what it did. Files whose
 * owners live are not touched. Nothing is created; a missing directory is nothing to do.
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`, `DEFERRED_LOCK_INEFFECTIVE`, `DEFERRED_UNSUPPORTED`,
 * `DEFERRED_ADDON_MISSING`; `DEFERRED_STATE_IO` when the directory cannot be read. Never for one bad file or function.
 */
export async function sweep(stateDirBase: string, options?: SweepOptions): Promise<SweepReport> {
  const resolved = resolveSweepOptions(options);
  return sweepDirectory(new StateDirectory(stateDirBase, directoryOptions(resolved)), resolved);
}

/** As {@link sweep}. @param except - inodes (`dev:ino`) that were handled already, and are left alone */
export async function sweepDirectory(
  directory: StateDirectory,
  options: ResolvedSweepOptions,
  except: Iterable<string> = [],
): Promise<SweepReport> {
  return traceSweep({ directory: directory.path }, async () => {
    const stop = new StopCondition(options.deadlineMs, options.signal);
    const report = await new Sweep(directory, options, stop, except).run();
    logReport(options.logger, report);
    return report;
  });
}

class Sweep {
  readonly #directory: StateDirectory;
  readonly #options: ResolvedSweepOptions;
  readonly #stop: StopCondition;
  readonly #taker: OrphanTaker;
  /** By path: a file met in several passes is reported once. */
  readonly #reports = new Map<string, FileReport>();
  #batch: { taken: TakenFile; inode: string }[] = [];
  #batchBytes = 0;
  #sliceEndsAtMs = 0;
  /** Stopped before everything was seen or run. */
  #isCut = false;

  constructor(
    directory: StateDirectory,
    options: ResolvedSweepOptions,
    stop: StopCondition,
    except: Iterable<string>,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#stop = stop;
    const patience = new LockPatience(LOCK_PATIENCE_MS);
    this.#taker = new OrphanTaker(directory, options.lock, patience, new Set(except), options.signal);
  }

  async run(): Promise<SweepReport> {
    const startMs = performance.now();
    try {
      // A worker may have died during the pass before; a pass that finds nothing new ends the sweep.
      for (let goesOn = await this.#pass(); goesOn; ) goesOn = await this.#passAgain();
    } finally {
      for (const { taken } of this.#batch) taken.file.close();
    }
    const ms = performance.now() - startMs;
    return summarize(this.#directory.path, [...this.#reports.values()], !this.#isCut, ms);
  }

  /** As {@link #pass}. What was run already is reported even if the directory cannot be read any more. */
  async #passAgain(): Promise<boolean> {
    try {
      return await this.#pass();
    } catch (error) {
      if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
      this.#note(refusedReport(this.#directory.path, error));
      this.#isCut = true;
      return false;
    }
  }

  /** Returns whether it handled a file. */
  async #pass(): Promise<boolean> {
    let hasHandled = false;
    this.#sliceEndsAtMs = performance.now() + SLICE_MS;
    for (const name of this.#directory.list()) {
      if (this.#stop.isReached) {
        this.#isCut = true;
        break;
      }
      await this.#breathe();
      const result = this.#taker.take(name);
      const taken = result instanceof Promise ? await result : result;
      if (await this.#handle(name, taken)) hasHandled = true;
    }
    await this.#runBatch();
    return hasHandled && !this.#stop.isReached;
  }

  async #handle(name: string, taken: TakeOver): Promise<boolean> {
    const path = this.#directory.pathOf(name);
    switch (taken.kind) {
      case 'vanished':
      case 'seen':
        return false;
      case 'live':
        this.#note({ path, outcome: 'live', functions: [], isRetired: false, pending: 0 });
        return false;
      case 'refused':
        this.#note(refusedReport(path, taken.error));
        return false;
      case 'unfinished':
        this.#note({ path, outcome: 'unfinished', functions: [], isRetired: true, pending: 0 });
        // Nothing was run, so nobody had time to die meanwhile. To list again because of it could chase a creator for
        // ever: each pass removes the file it has just begun with.
        return false;
      case 'orphan':
        this.#receive(taken);
        if (this.#batch.length >= BATCH_FILES || this.#batchBytes >= BATCH_BYTES) await this.#runBatch();
        return true;
    }
  }

  /** Keeps an orphan for the next batch; one without a readable header is moved among the dead letters. */
  #receive({ path, fd, inode, bytes, contents }: Orphan): void {
    const { header, lengthBytes, damagedBytes, tornBytes } = contents;
    if (!header) {
      this.#receiveUnreadable(path, fd, bytes, damagedBytes, tornBytes);
      return;
    }
    const file = new StateFile(path, fd, header, lengthBytes);
    const taken = new TakenFile(this.#directory, file, contents, this.#options.maxAttempts);
    try {
      taken.setAside(bytes);
      if (tornBytes > 0) file.cutTail();
    } catch (error) {
      // Damage that is run and removed nobody could look at any more; marks behind a torn end would be damage. A later
      // sweep tries again.
      this.#note(refusedReport(path, error));
      file.close();
      return;
    }
    taken.attempt(() => taken.giveUp());
    this.#batch.push({ taken, inode });
    this.#batchBytes += bytes.length;
  }

  /** Without a header nothing of the file was ever registered (torn), or nothing of it can be believed (damaged). */
  #receiveUnreadable(path: string, fd: number, bytes: Buffer, damagedBytes: number, tornBytes: number): void {
    const report = { path, functions: [], pending: 0 };
    try {
      if (damagedBytes > 0) {
        const deadLetter = moveDamaged(this.#directory, path);
        this.#note({ ...report, outcome: 'quarantined', isRetired: true, damagedBytes, deadLetter });
      } else {
        unlinkSync(path);
        this.#note({ ...report, outcome: bytes.length > 0 ? 'torn' : 'ran', isRetired: true, tornBytes });
      }
    } catch (error) {
      this.#note(refusedReport(path, error));
    } finally {
      closeDescriptor(fd);
    }
  }

  async #runBatch(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    const waiting = batch.map(({ taken }) => taken).filter(taken => taken.runnable().length > 0);
    if (waiting.length > 0) {
      const runner = await loadRunner(this.#options.isolation);
      await runner(waiting, this.#options, this.#stop);
      this.#isCut ||= this.#stop.isReached && waiting.some(taken => taken.runnable().length > 0);
    }
    this.#batch = [];
    this.#batchBytes = 0;
    for (const { taken, inode } of batch) {
      taken.attempt(() => taken.giveUp());
      taken.retire();
      const report = taken.report();
      // Its number may be a new file's by now.
      if (report.isRetired) this.#taker.forget(inode);
      this.#note(report);
    }
  }

  #note(report: FileReport): void {
    const known = this.#reports.get(report.path);
    // A worker that was alive in the first pass may be dead in the second.
    if (known === undefined || known.outcome === 'live') this.#reports.set(report.path, report);
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#sliceEndsAtMs) return;
    await setImmediate();
    this.#sliceEndsAtMs = performance.now() + SLICE_MS;
  }
}

/** Loaded when first needed: a sweep that finds no orphan starts nothing and needs none of it. */
async function loadRunner(isolation: ResolvedSweepOptions['isolation']): Promise<Runner> {
  return isolation === 'process'
    ? (await import('./runner/isolated.ts')).runIsolated
    : (await import('./runner/in-place.ts')).runInPlace;
}
