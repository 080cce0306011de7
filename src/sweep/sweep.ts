/**
 * One sweep of a state directory: looks at every file, retires what has nothing to run, has runners run the rest.
 * `docs/protocol.md`, Sweep.
 *
 * It depends on three things only: the lock decides who lives, the records say what is left to do, and every file is
 * handled under its lock by one process at a time. It may be killed at any point.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { LockPatience } from '../lock/patience.ts';
import { defaultBase } from '../state/default-base.ts';
import { freshSweepId } from '../state/nonce.ts';
import type { ReportedError } from '../state/record.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { traceSweep } from '../tracing.ts';
import { Crew } from './crew.ts';
import { logReport } from './logger.ts';
import { Looker } from './look.ts';
import {
  directoryOptions,
  type ResolvedSweepOptions,
  resolveSweepOptions,
  type SweepOptions,
} from './options.ts';
import { type FileReport, refusedReport, type SweepReport, summarize } from './report.ts';
import { ReportBook } from './report-book.ts';
import { monotonicMs, StopCondition } from './stop.ts';

/** How long the lock of a sick file server is asked for, for all files of a sweep together. */
const LOCK_PATIENCE_MS = 5000;
/** The event loop is let breathe after so long a slice of synchronous work. */
const SLICE_MS = 10;
/** A file that a dying sweep or a glance may have is looked at again so often, within some 100 ms. */
const SECOND_LOOKS = 5;
const MOST_BETWEEN_LOOKS_MS = 40;
/** Waiting for files that other sweeps have: from the first pause, doubling, to the longest. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/**
 * Runs every function that dead processes left in `<stateDirBase>/deferred`, and returns what it did. Files whose
 * owners live are not touched. Nothing is created; a missing directory is nothing to do.
 * @throws TypeError, RangeError naming an option that is unknown or wrong
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`, `DEFERRED_LOCK_INEFFECTIVE`, `DEFERRED_UNSUPPORTED`,
 * `DEFERRED_ADDON_MISSING`; `DEFERRED_STATE_IO` when the directory cannot be read. Never for one bad file or function.
 */
export async function sweep(
  stateDirBase: string = defaultBase(),
  options?: SweepOptions,
): Promise<SweepReport> {
  const resolved = resolveSweepOptions(options);
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
  return sweepDirectory(new StateDirectory(stateDirBase, directoryOptions(resolved)), resolved, stop);
}

/** As {@link sweep}. @param except - inodes (`dev:ino`) that are left alone */
export async function sweepDirectory(
  directory: StateDirectory,
  options: ResolvedSweepOptions,
  stop: StopCondition,
  except: Iterable<string> = [],
): Promise<SweepReport> {
  return traceSweep({ directory: directory.path }, async () => {
    const report = await new Sweep(directory, options, stop, except).run();
    logReport(options.logger, report);
    return report;
  });
}

class Sweep {
  readonly #directory: StateDirectory;
  readonly #options: ResolvedSweepOptions;
  readonly #stop: StopCondition;
  readonly #looker: Looker;
  readonly #book = new ReportBook();
  readonly #crew: Crew;
  #sliceEndsAtMs = 0;

  constructor(
    directory: StateDirectory,
    options: ResolvedSweepOptions,
    stop: StopCondition,
    except: Iterable<string>,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#stop = stop;
    const sweepId = freshSweepId();
    const deaths = new Map<string, (name: string) => ReportedError>();
    const { lock, signal, onlyLabel, maxAttempts, retryDelayMs } = options;
    const overrides = { maxAttempts, retryDelayMs };
    this.#looker = new Looker(
      directory,
      { lock, signal, onlyLabel, overrides, sweepId, deaths },
      new LockPatience(Math.min(LOCK_PATIENCE_MS, stop.leftMs)),
      new Set(except),
    );
    this.#crew = new Crew({ sweepId, options, stop, looker: this.#looker, book: this.#book, deaths });
  }

  async run(): Promise<SweepReport> {
    const startMs = performance.now();
    const waitUntilMs = monotonicMs() + this.#options.waitMs;
    let pauseMs = FIRST_PAUSE_MS;
    for (let isFirst = true; ; isFirst = false) {
      const hasRun = await this.#pass(isFirst);
      if (this.#stop.isReached) break;
      // A worker may have died while functions ran; a pass that runs none ends the sweep.
      if (hasRun) continue;
      const leftMs = Math.min(waitUntilMs - monotonicMs(), this.#stop.leftMs);
      if (leftMs <= 0 || !this.#book.reports.some(report => report.outcome === 'sweeping')) break;
      await this.#pause(Math.min(pauseMs, leftMs));
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
    const ms = performance.now() - startMs;
    return summarize(this.#directory.path, this.#book.reports, !this.#book.isCut, ms);
  }

  /** Looks at every file once. Returns whether functions were run. */
  async #pass(isFirst: boolean): Promise<boolean> {
    const names = this.#list(isFirst);
    const crew = this.#crew;
    const launchedBefore = crew.launched;
    try {
      let unclear = await this.#lookAtAll(names, false);
      // Of two sweepers that look at the same time one sees the other's lock for a moment.
      for (let looks = 1; unclear.length > 0 && looks <= SECOND_LOOKS && !this.#stop.isReached; looks++) {
        await this.#pause(Math.random() * MOST_BETWEEN_LOOKS_MS);
        unclear = await this.#lookAtAll(unclear, looks === SECOND_LOOKS);
      }
    } finally {
      await crew.finished();
    }
    return crew.launched > launchedBefore;
  }

  /** What was run already is reported even if the directory cannot be read any more. */
  #list(isFirst: boolean): readonly string[] {
    try {
      const { stateFiles, movedDeadLetters } = this.#directory.look();
      for (const name of movedDeadLetters) this.#book.note(movedReport(this.#directory.pathOf(name)));
      return stateFiles;
    } catch (error) {
      if (isFirst || !hasCode(error, 'DEFERRED_STATE_IO', 'DEFERRED_UNSAFE_DIRECTORY')) throw error;
      this.#book.leave(refusedReport(this.#directory.path, error));
      return [];
    }
  }

  /** Returns the names of files that may be free in a moment. */
  async #lookAtAll(names: readonly string[], isPatienceOver: boolean): Promise<string[]> {
    const unclear: string[] = [];
    this.#sliceEndsAtMs = performance.now() + SLICE_MS;
    for (const name of names) {
      await this.#crew.room();
      if (this.#stop.isReached) {
        this.#book.isCut = true;
        break;
      }
      await this.#breathe();
      const look = await this.#looker.look(name, { isPatienceOver });
      switch (look.kind) {
        case 'vanished':
        case 'seen':
          break;
        case 'handed-over':
          unclear.push(name);
          break;
        case 'locked':
          this.#book.note(look.report);
          if (look.report.outcome === 'held') unclear.push(name);
          break;
        case 'done':
          this.#book.note(look.report);
          break;
        case 'candidate':
          this.#crew.take(look);
          break;
      }
    }
    return unclear;
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#sliceEndsAtMs) return;
    await setImmediate();
    this.#sliceEndsAtMs = performance.now() + SLICE_MS;
  }

  /** Waits, or until the sweep is told to stop. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stop;
    try {
      await sleep(ms, undefined, signal && { signal });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }
}

/** A state file in which nothing is pending would be removed. This one is the last trace of a function. */
function movedReport(path: string): FileReport {
  const why = 'it is a dead letter that was moved out of dead/; move it back';
  return refusedReport(
    path,
    new DeferredSweepError('DEFERRED_UNSAFE_FILE', `will not read ${path}: ${why}`, { path }),
  );
}
