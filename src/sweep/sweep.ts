/** One sweep of a state directory: looks at all files, and lets runners run what is left. `docs/protocol.md`, Sweep. */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { LockPatience, SWEEP_PATIENCE_MS } from '../lock/patience.ts';
import { freshSweepId } from '../log/nonce.ts';
import { logReport, type News } from '../report/logger.ts';
import { type FileReport, refusedReport, type SweepReport, summarize } from '../report/report.ts';
import { sweepChannel } from '../report/tracing.ts';
import { defaultBase } from '../state/default-base.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { monotonicMs, StopCondition } from '../stop.ts';
import type { SweepContext } from './claim-or-retire.ts';
import type { SweepListener } from './listener.ts';
import { Looker } from './look.ts';
import {
  directoryOptions,
  type ResolvedSweepOptions,
  resolveSweepOptions,
  type SweepOptions,
} from './options.ts';
import { ReportBook } from './report-book.ts';
import { Crew } from './runners/crew.ts';
import type { ReadyRunners } from './runners/runner-process.ts';

/** After this much synchronous work the event loop gets a turn. */
const SLICE_MS = 5;
/** Further looks, within some 100 ms, at a file that a dying sweep or a glance may hold. */
const SECOND_LOOKS = 5;
const MOST_BETWEEN_LOOKS_MS = 40;
/** Passes that run functions. One that registers itself again, and dies with its runner, would go on for ever. */
const MOST_PASSES = 100;
/** Pauses while other sweeps have files: they double from the first to the longest. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/**
 * Runs every function that dead processes left in `<stateDirBase>/deferred`, and returns a report. Files of live owners
 * are not touched. Creates nothing; for a missing directory there is nothing to do.
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

export interface SweepScope {
  /** State files to leave alone: those that the caller has itself. They are not opened. @defaultValue none */
  readonly except?: readonly string[];
  /** State files to look at; all, if the directory is not the one of the last look. @defaultValue all */
  readonly names?: readonly string[] | undefined;
  /** @defaultValue each runner is started when it is needed */
  readonly spare?: ReadyRunners | undefined;
  /** Of the sweeps before: a fault of a file that lasts is logged once. @defaultValue there was none */
  readonly news?: News;
  /** Told of each function and what it prints, in which case no spare runner is used. */
  readonly listener?: SweepListener;
}

/** As {@link sweep}. */
export async function sweepDirectory(
  directory: StateDirectory,
  options: ResolvedSweepOptions,
  stop: StopCondition,
  scope: SweepScope = {},
): Promise<SweepReport> {
  const traced = async (): Promise<SweepReport> => {
    const report = await new Sweep(directory, options, stop, scope).run();
    logReport(options.logger, report, scope.news?.of(report.files));
    if (report.isComplete) scope.news?.keep(report.files);
    return report;
  };
  return sweepChannel.tracePromise(traced, { directory: directory.path });
}

class Sweep {
  readonly #directory: StateDirectory;
  readonly #scope: SweepScope;
  readonly #options: ResolvedSweepOptions;
  readonly #stop: StopCondition;
  readonly #looker: Looker;
  readonly #book: ReportBook;
  readonly #crew: Crew;
  #sliceEndsAtMs = 0;

  constructor(
    directory: StateDirectory,
    options: ResolvedSweepOptions,
    stop: StopCondition,
    scope: SweepScope,
  ) {
    const { spare, listener } = scope;
    const book = new ReportBook(listener);
    this.#book = book;
    this.#directory = directory;
    this.#scope = scope;
    this.#options = options;
    this.#stop = stop;
    const sweepId = freshSweepId();
    const sweptAtMs = monotonicMs();
    const context: SweepContext = { options, sweepId, sweptAtMs, deaths: new Map(), stop, book, listener };
    const patience = new LockPatience(Math.min(SWEEP_PATIENCE_MS, stop.leftMs));
    this.#looker = new Looker(directory, context, patience);
    this.#crew = new Crew(context, this.#looker, spare);
  }

  async run(): Promise<SweepReport> {
    const startMs = performance.now();
    const waitUntilMs = monotonicMs() + this.#options.waitMs;
    let pauseMs = FIRST_PAUSE_MS;
    this.#sliceEndsAtMs = startMs + SLICE_MS;
    for (let passes = 1; ; passes++) {
      const hasRun = await this.#pass(passes === 1);
      if (this.#stop.isReached) break;
      // A worker may have died while functions ran. A pass that runs none ends the sweep.
      if (hasRun && passes < MOST_PASSES) continue;
      if (hasRun) {
        this.#book.isCut = true;
        break;
      }
      const leftMs = Math.min(waitUntilMs - monotonicMs(), this.#stop.leftMs);
      if (leftMs <= 0 || !this.#book.reports.some(report => report.outcome === 'sweeping')) break;
      // At random: two that wait for each other's files must not look at the same times.
      await this.#stop.waited(Math.min(pauseMs * (0.5 + Math.random()), leftMs));
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      this.#looker.forgetLeft();
    }
    const ms = performance.now() - startMs;
    return summarize(this.#directory.path, this.#book.reports, !this.#book.isCut, ms);
  }

  /** Looks at every file once. True if a runner was started. */
  async #pass(isFirst: boolean): Promise<boolean> {
    const names = this.#list(isFirst);
    const launchedBefore = this.#crew.launched;
    try {
      let unclear = await this.#lookAtAll(names, false);
      // Of two sweepers that look at the same time, one sees the other's lock for a moment.
      for (let looks = 1; unclear.length > 0 && looks <= SECOND_LOOKS && !this.#stop.isReached; looks++) {
        await this.#stop.waited(Math.random() * MOST_BETWEEN_LOOKS_MS);
        unclear = await this.#lookAtAll(unclear, looks === SECOND_LOOKS);
      }
    } finally {
      await this.#crew.finished();
    }
    return this.#crew.launched > launchedBefore;
  }

  /** The names of the state files. After the first pass an error is reported, so that earlier outcomes are not lost. */
  #list(isFirst: boolean): readonly string[] {
    // The end of the way is the trusted directory it was: to walk the way again would cost more than the look.
    const { names, listener } = this.#scope;
    if (names !== undefined && this.#directory.isUnchanged()) return names;
    try {
      const { stateFiles, movedDeadLetters } = this.#directory.look();
      if (!isFirst) this.#book.keepSwept(new Set(stateFiles.map(name => this.#directory.pathOf(name))));
      listener?.found(stateFiles.length);
      for (const name of movedDeadLetters) this.#book.note(movedReport(this.#directory.pathOf(name)));
      return stateFiles;
    } catch (error) {
      if (isFirst || !hasCode(error, 'DEFERRED_STATE_IO', 'DEFERRED_UNSAFE_DIRECTORY')) throw error;
      this.#book.leave(refusedReport(this.#directory.path, error));
      return [];
    }
  }

  /** Looks at these files. Returns the names of those that may be free in a moment. */
  async #lookAtAll(names: readonly string[], isPatienceOver: boolean): Promise<string[]> {
    const unclear: string[] = [];
    for (const name of names) {
      if (this.#scope.except?.includes(name)) continue;
      if (this.#crew.isAtWork) await this.#crew.room();
      if (this.#stop.isReached) {
        this.#book.isCut = true;
        break;
      }
      if (performance.now() >= this.#sliceEndsAtMs) {
        await setImmediate();
        this.#sliceEndsAtMs = performance.now() + SLICE_MS;
      }
      const look = this.#looker.glance(name) ?? (await this.#looker.look(name, { isPatienceOver }));
      if (look.kind === 'locked' || look.kind === 'done') this.#book.note(look.report);
      if (look.kind === 'candidate') this.#crew.take(look);
      const isHeld = look.kind === 'locked' && look.report.outcome === 'held';
      if (isHeld || look.kind === 'handed-over') unclear.push(name);
    }
    return unclear;
  }
}

/** The report of a dead letter that was moved up. As a state file it would be removed, and the function with it. */
function movedReport(path: string): FileReport {
  const message = `will not read ${path}: it is a dead letter that was moved out of dead/; move it back`;
  return refusedReport(path, new DeferredSweepError('DEFERRED_UNSAFE_FILE', message, { path }));
}
