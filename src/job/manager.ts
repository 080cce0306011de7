import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import { DeferredSweepError, type DeferredSweepErrorCode } from '../errors.ts';
import { isImportedForCall, isInside, refuseInStartingRunner } from '../function/current-invocation.ts';
import { noteCallers } from '../function/module/call-stack.ts';
import { notePreloadedPrograms } from '../function/module/programs.ts';
import { requireKnown } from '../known-options.ts';
import { closesDescriptorsAtEnd } from '../native/own-process.ts';
import { type Logger, News } from '../report/logger.ts';
import { type SweepReport, summarize } from '../report/report.ts';
import { defaultBase } from '../state/default-base.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { StopCondition } from '../stop.ts';
import { cleanup } from '../sweep/cleanup.ts';
import { directoryOptions, milliseconds, oneOf, type SweepOptions } from '../sweep/options.ts';
import { sweepDirectory } from '../sweep/sweep.ts';
import { FilePool } from './file-pool.ts';
import { type Defer, Job, type JobParts } from './job.ts';
import {
  type FunctionFailure,
  type ManagerOptions,
  type OpenOptions,
  resolveManagerOptions,
} from './options.ts';

/** The owner opens jobs with it; a batch system's hook calls its `cleanupWorker`. */
export class DeferredFunctionManager {
  readonly #parts: JobParts;
  #isClosed = false;
  readonly #closing = new AbortController();
  /** Sweeps that go on beside jobs. */
  readonly #background = new Set<Promise<unknown>>();

  /**
   * Touches neither the directory nor the addon yet.
   * @param stateDirBase - directory on a local file system, shared by the workers of a node; resolved now. By default the
   * value of `DEFERRED_SWEEP_DIR`, else `/var/tmp/deferred-sweep-<uid>`: where the command line looks, too
   * @throws TypeError, RangeError naming an option that is wrong
   */
  constructor(stateDirBase: string = defaultBase(), options: ManagerOptions = {}) {
    const resolved = resolveManagerOptions(options);
    const { sweep, durability, order, label, onFailure, closeOnSignal } = resolved;
    const inHeader = { lock: sweep.lock, durability, order, label };
    const directory = new StateDirectory(stateDirBase, directoryOptions(sweep));
    this.#parts = {
      directory,
      options: resolved,
      files: new FilePool(directory, inHeader, sweep.logger),
      tellFailures: failureListener(onFailure, sweep.logger),
      news: new News(),
      openJobs: new Set(),
      stopOpening: closeOnSignal ? () => this.#stopOpening() : undefined,
    };
  }

  /** `<stateDirBase>/deferred`, absolute. */
  get directory(): string {
    return this.#parts.directory.path;
  }

  /**
   * Sweeps orphans, then opens a job with a locked state file of its own. Several may be open at once. Inside a
   * deferred function, and in processes that it started, it neither sweeps nor waits.
   * @throws TypeError, RangeError naming an option that is wrong
   * @throws DeferredSweepError `DEFERRED_CLOSED`; `DEFERRED_UNSAFE_DIRECTORY`, `DEFERRED_UNSUPPORTED`,
   * `DEFERRED_LOCK_INEFFECTIVE`, `DEFERRED_LOCK_FAILED`, `DEFERRED_ADDON_MISSING`, `DEFERRED_STATE_IO`. Never for a
   * fault of an orphan.
   */
  async open(options: OpenOptions = {}): Promise<Job> {
    refuseInStartingRunner();
    requireKnown(options, ['sweep', 'waitMs']);
    const how = oneOf('sweep', options.sweep ?? 'wait', ['wait', 'background', 'none']);
    const waitMs = milliseconds('waitMs', options.waitMs ?? this.#parts.options.sweep.waitMs);
    this.#assertOpen();
    if (this.#parts.stopOpening && !isMainThread)
      throw cannotOpen('DEFERRED_UNSUPPORTED', this.directory, GETS_NO_SIGNALS);
    noteCallers();
    notePreloadedPrograms();
    if (isImportedForCall()) throw cannotOpen('DEFERRED_FUNCTION_REFUSED', this.directory, RESTARTED);
    const report = await this.#sweepBefore(isInside() ? 'none' : how, waitMs);
    const file = await this.#parts.files.take();
    warnOfUntrackedThread(this.#parts.options.sweep.logger);
    // Another call may have closed the manager meanwhile.
    if (this.#isClosed) this.#parts.files.remove(file);
    this.#assertOpen();
    return new Job(this.#parts, file, report);
  }

  /**
   * Opens a job, calls `body`, closes the job. Returns what `body` returns and throws what it throws. Cleanups change
   * neither.
   */
  async run<T>(body: (defer: Defer, job: Job) => T | Promise<T>): Promise<T> {
    if (typeof body !== 'function') throw new TypeError(`"body" must be a function, got ${typeof body}`);
    const job = await this.open();
    try {
      return await body(job.defer, job);
    } finally {
      await job.close();
    }
  }

  /** Closes the jobs that are still open, and removes the manager's state file. Never throws. */
  async close(): Promise<SweepReport> {
    const startMs = performance.now();
    this.#stopOpening();
    // They finish the function in progress and stop. An abort costs as much as a job.
    if (this.#background.size > 0) this.#closing.abort();
    const reports = await Promise.all([...this.#parts.openJobs].map(job => job.close()));
    await Promise.allSettled(this.#background);
    const files = reports.flatMap(report => report.files);
    const isComplete = reports.every(report => report.isComplete);
    return summarize(this.directory, files, isComplete, performance.now() - startMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * For the batch system's shutdown hook: sweeps until every orphan's function is done or has used up its attempts, then
   * removes the directory if it is empty. Live workers keep their files; the report counts them.
   * @throws as `sweep`
   */
  static async cleanupWorker(
    stateDirBase: string = defaultBase(),
    options?: SweepOptions,
  ): Promise<SweepReport> {
    return cleanup(stateDirBase, options);
  }

  async #sweepBefore(how: 'wait' | 'background' | 'none', waitMs: number): Promise<SweepReport> {
    const { directory, files, news, tellFailures } = this.#parts;
    const options = { ...this.#parts.options.sweep, waitMs };
    if (how === 'wait') {
      const stop = StopCondition.in(options.deadlineMs, options.signal);
      const report = await sweepDirectory(directory, options, stop, { except: files.idle, news });
      tellFailures(report);
      return report;
    }
    if (how === 'background') {
      const signals = [this.#closing.signal, ...(options.signal ? [options.signal] : [])];
      const stop = StopCondition.in(options.deadlineMs, AbortSignal.any(signals));
      const sweeping = sweepDirectory(directory, options, stop, { news }).then(tellFailures, error =>
        options.logger.warn(`deferred-sweep: ${this.directory} was not swept: ${String(error)}`),
      );
      this.#background.add(sweeping);
      void sweeping.then(() => this.#background.delete(sweeping));
    }
    return summarize(this.directory, [], false, 0);
  }

  #stopOpening(): void {
    this.#isClosed = true;
    this.#parts.files.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw cannotOpen('DEFERRED_CLOSED', this.directory, 'the manager is closed');
  }
}

const GETS_NO_SIGNALS =
  'it is to close on a signal, and signals come to the main thread only; leave closeOnSignal out, or open it there';

/** A module of which a function is deferred may not run jobs when it is imported: each would defer it again, for ever. */
const RESTARTED =
  'the module that opens it is imported only to run a deferred function of it; move the function to a module that starts nothing';

function cannotOpen(code: DeferredSweepErrorCode, path: string, why: string): DeferredSweepError {
  return new DeferredSweepError(code, `cannot open a job in ${path}: ${why}`, { path });
}

/** Tells `onFailure` of each function of a report that failed. */
function failureListener(
  onFailure: ((failure: FunctionFailure) => unknown) | undefined,
  logger: Logger,
): (report: SweepReport) => void {
  if (!onFailure) return () => {};
  // Of its own turn: what it throws, at once or later, is no part of a cleanup.
  const call = async (failure: FunctionFailure): Promise<unknown> => onFailure(failure);
  return ({ files }) => {
    for (const file of files)
      for (const failed of file.functions)
        if (failed.outcome !== 'ok')
          call({ failed, file }).catch((error: unknown) => {
            logger.warn(`deferred-sweep: onFailure threw ${String(error)} for ${failed.name}`);
          });
  };
}

let hasLooked = false;

/** Warns, once in a thread, of a worker thread that would leave its lock to the process: its death would go unnoticed. */
function warnOfUntrackedThread(logger: Logger): void {
  if (hasLooked) return;
  hasLooked = true;
  if (closesDescriptorsAtEnd()) return;
  logger.warn(
    'deferred-sweep: this worker thread was started with trackUnmanagedFds: false, so its locks outlive it: ' +
      'what it defers is swept only after the whole process has ended; start it without that option',
  );
}
