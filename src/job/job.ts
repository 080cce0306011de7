import { performance } from 'node:perf_hooks';
import { DeferredSweepError } from '../errors.ts';
import type { AnyFunction, ArgumentsOf, Deferrable, Given } from '../function/call-types.ts';
import { moduleStateOf } from '../function/closure/module-state.ts';
import { isInside } from '../function/current-invocation.ts';
import { DeferredFunction } from '../function/deferred-function.ts';
import { logReport, type News } from '../report/logger.ts';
import {
  type FileReport,
  type FunctionReport,
  laterReport,
  refusedReport,
  type SweepReport,
  summarize,
} from '../report/report.ts';
import { deferChannel } from '../report/tracing.ts';
import type { StateFile } from '../state/state-file.ts';
import { StopCondition } from '../stop.ts';
import { sweepDirectory } from '../sweep/sweep.ts';
import { closeAtSignal, isEndingBySignal } from './close-at-signal.ts';
import { RunQueue, type RunQueueParts } from './run-queue.ts';

/** What the jobs of a manager share. */
export interface JobParts extends RunQueueParts {
  /** Tells `onFailure` of those that failed. */
  readonly tellFailures: (report: SweepReport) => void;
  /** What its sweeps have logged. */
  readonly news: News;
  /** A job is in it until it has ended. */
  readonly openJobs: Set<Job>;
  /** Called when SIGINT or SIGTERM ends the jobs, and then this process; undefined: they do not end them. */
  readonly stopOpening: (() => void) | undefined;
}

/**
 * The signature of {@link Job.defer}, for passing it on. It checks the arguments of a call as the function's overloads do,
 * and refuses by type what can never be stored. A wrapper that is generic itself passes
 * `fn as AnyFunction` and `args as unknown[]`.
 */
export type Defer = <F extends AnyFunction | DeferredFunction, const A extends Given>(
  fn: F & Deferrable<F, A>,
  ...args: [F] extends [DeferredFunction] ? [] : ArgumentsOf<F, A>
) => Registration;

/** One function registered with a job. */
export interface Registration {
  /** Its number in the job's state file. Jobs that follow each other in one file count on, so a job's first need not be 1. */
  readonly id: number;
  /**
   * Takes the registration back: the function will not run. Returns false when it was run or cancelled before, or is
   * running now.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended, `DEFERRED_STATE_IO`
   */
  cancel(): boolean;
  /**
   * Runs the function now, from its record, as the end of the job would. If it runs already, this waits for that run.
   * The end of the job tries a failed function again only if it has attempts left and its next one is due. The logger and
   * `onFailure` are told of a failure now; the report of the job's end has what ran then.
   * Returns undefined when it was run or cancelled before.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended, `DEFERRED_STATE_IO`; `DEFERRED_UNSUPPORTED` where the working
   * directory, or a variable of the option `env`, is not as it was at registration, or the process has changed its user. Not
   * what the function throws.
   */
  run(): Promise<FunctionReport | undefined>;
}

/** Functions whose module state was told of: once is enough. */
const told = new WeakSet<AnyFunction>();

/** One open job: what its deferred functions clean up after. */
export class Job {
  /** What the sweep before this job found. Without files and incomplete if `open` did not wait for a sweep. */
  readonly sweepReport: SweepReport;
  readonly #parts: JobParts;
  readonly #queue: RunQueue;
  readonly #ignoreSignals: (() => void) | undefined;
  #closing: Promise<SweepReport> | undefined;

  /** @param file - locked and without functions; the job owns it from now on */
  constructor(parts: JobParts, file: StateFile, sweepReport: SweepReport) {
    this.#parts = parts;
    this.#queue = new RunQueue(parts, file, failed => this.#tellOfEarlyFailure(failed));
    this.sweepReport = sweepReport;
    const { openJobs, stopOpening } = parts;
    openJobs.add(this);
    // A sweep that goes on is left as it is: it may be killed at any moment.
    this.#ignoreSignals =
      stopOpening &&
      closeAtSignal(() => {
        stopOpening();
        return this.close();
      });
  }

  /** The job's state file. */
  get path(): string {
    return this.#queue.path;
  }

  /**
   * Registers a call for the end of the job; if this process dies before, a runner makes it. When this returns, the
   * call is registered. When it throws, the call is not registered, and all earlier ones still are.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended; `DEFERRED_FUNCTION_REFUSED`,
   * `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` (a full disk, say) with the system's error; if
   * the job's file was removed, also `DEFERRED_STATE_CORRUPT` and what `open` throws
   */
  readonly defer: Defer = (fn: AnyFunction | DeferredFunction, ...args: unknown[]): Registration => {
    this.#openQueue();
    const deferred = this.#capture(fn, args);
    const trace = { path: this.path, name: deferred.name };
    return deferChannel.traceSync(() => this.#register(deferred), trace);
  };

  /**
   * Ends the job: runs its functions, then sweeps orphans again. Never throws: the report says what went wrong.
   * Functions with attempts left become an orphan's. A second call gives the same report.
   */
  close(): Promise<SweepReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #capture(fn: AnyFunction | DeferredFunction, args: readonly unknown[]): DeferredFunction {
    const { maxCapturedBytes } = this.#parts.options;
    const given = DeferredFunction.from(fn);
    if (given !== undefined) {
      if (args.length > 0)
        throw new TypeError(
          `cannot defer ${given.name} with other arguments: a DeferredFunction has its arguments; defer it alone`,
        );
      return given;
    }
    const deferred = DeferredFunction.capture(fn as AnyFunction, args, { maxCapturedBytes });
    if (deferred.descriptor.kind === 'module') this.#tellOfModuleState(fn as AnyFunction, deferred);
    return deferred;
  }

  /** Another process imports the module anew: its variables hold what the import and the functions run before gave them. */
  #tellOfModuleState(fn: AnyFunction, { name, module }: DeferredFunction): void {
    const { moduleState, sweep } = this.#parts.options;
    if (moduleState === 'allow' || module.startsWith('node:')) return;
    const variable = moduleStateOf(fn);
    if (variable === undefined || (moduleState === 'warn' && told.has(fn))) return;
    const message =
      `cannot give ${name} of ${module} its variable ${variable} as it is now: another process imports the module ` +
      `anew, and functions of other jobs that run there before may change it; pass ${variable} as an argument`;
    if (moduleState === 'refuse') throw new DeferredSweepError('DEFERRED_FUNCTION_REFUSED', message);
    told.add(fn);
    sweep.logger.warn(`deferred-sweep: ${message}`);
  }

  #register(deferred: DeferredFunction): Registration {
    const id = this.#queue.register(deferred);
    return { id, cancel: () => this.#openQueue().cancel(id), run: async () => this.#openQueue().run(id) };
  }

  /** The report of the job's end does not have it: that tells of what ran then. */
  #tellOfEarlyFailure(file: FileReport): void {
    const { directory, options, tellFailures } = this.#parts;
    const report = summarize(directory.path, [file], true, 0);
    logReport(options.sweep.logger, report);
    tellFailures(report);
  }

  async #close(): Promise<SweepReport> {
    const { directory, options, tellFailures, openJobs } = this.#parts;
    const startMs = performance.now();
    const { report: own, left } = await this.#queue.end();
    openJobs.delete(this);
    this.#ignoreSignals?.();
    logReport(options.sweep.logger, summarize(directory.path, [own], true, 0));
    // Inside a deferred function, in processes that it started, and before death by a signal no sweep begins.
    const [others, isComplete] = isInside() || isEndingBySignal() ? [[], true] : await this.#sweepAgain(left);
    // That sweep may have run what could not run here.
    const files = new Map<string, FileReport>([[own.path, own]]);
    for (const file of others) files.set(file.path, laterReport(files.get(file.path), file));
    const report = summarize(directory.path, [...files.values()], isComplete, performance.now() - startMs);
    tellFailures(report);
    return report;
  }

  async #sweepAgain(except: readonly string[]): Promise<[readonly FileReport[], boolean]> {
    const { directory, options, news } = this.#parts;
    const { logger, deadlineMs, signal } = options.sweep;
    try {
      const stop = StopCondition.in(deadlineMs, signal);
      const report = await sweepDirectory(directory, { ...options.sweep, waitMs: 0 }, stop, {
        except,
        news,
      });
      return [report.files, report.isComplete];
    } catch (error) {
      // A problem of the directory must not change the result of a finished job.
      const refused = refusedReport(directory.path, error);
      logger.warn(`deferred-sweep: ${directory.path} was not swept: ${refused.error?.message}`);
      return [[refused], false];
    }
  }

  #openQueue(): RunQueue {
    if (!this.#queue.haveEnded) return this.#queue;
    const { path } = this;
    const message = `cannot use the job of ${path}: it has ended; open another`;
    throw new DeferredSweepError('DEFERRED_CLOSED', message, { path });
  }
}
