/** One open job: what its deferred functions clean up after. */
import { performance } from 'node:perf_hooks';
import { DeferredSweepError } from './errors.ts';
import { type AnyFunction, DeferredFunction } from './function/deferred-function.ts';
import { OwnFunctions, type OwnFunctionsHost } from './own-functions.ts';
import type { StateFile } from './state/state-file.ts';
import { logReport } from './sweep/logger.ts';
import type { ResolvedSweepOptions } from './sweep/options.ts';
import {
  type FileReport,
  type FunctionReport,
  laterReport,
  refusedReport,
  type SweepReport,
  summarize,
} from './sweep/report.ts';
import { StopCondition } from './sweep/stop.ts';
import { sweepDirectory } from './sweep/sweep.ts';
import { traceDefer } from './tracing.ts';

/** What a job needs of its manager. */
export interface JobHost extends OwnFunctionsHost {
  readonly sweepOptions: ResolvedSweepOptions;
  readonly maxCapturedBytes: number;
  /** False in a deferred function, and in what one started: there no sweep is begun. */
  readonly sweeps: boolean;
  /** Told once, when the job has ended. */
  ended(job: Job): void;
  /** Told once, what the end of the job and the sweep after it came to. */
  reported(report: SweepReport): void;
}

/** The signature of {@link Job.defer}, for passing it on. */
export type Defer = {
  <F extends AnyFunction>(fn: F, ...args: Parameters<F>): Registration;
  (deferred: DeferredFunction): Registration;
};

/** One function registered with a job. */
export interface Registration {
  /** Its number in the job's state file. */
  readonly id: number;
  /**
   * Takes the registration back: the function will not run. Returns false when it was run or cancelled before, or is
   * running now.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended, `DEFERRED_STATE_IO`
   */
  cancel(): boolean;
  /**
   * Runs the function now, from its record, as the end of the job would; that then runs it only if it failed, has
   * attempts left and has waited for its next one. Running already, also by the end of the job, it is not begun again: that run is waited for. Returns
   * undefined when it was run or cancelled before.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended, `DEFERRED_STATE_IO`. Not what the function throws.
   */
  run(): Promise<FunctionReport | undefined>;
}

export class Job {
  /** What the sweep before this job found; of no file, and not complete, where `open` did not wait for one. */
  readonly sweepReport: SweepReport;
  readonly #host: JobHost;
  readonly #functions: OwnFunctions;
  #closing: Promise<SweepReport> | undefined;

  constructor(host: JobHost, file: StateFile, sweepReport: SweepReport) {
    this.#host = host;
    this.#functions = new OwnFunctions(host, file);
    this.sweepReport = sweepReport;
  }

  /** The job's state file. */
  get path(): string {
    return this.#functions.path;
  }

  /**
   * Registers a call to be made when the job ends, or by somebody else if this process dies before. When it returns,
   * the call is registered; when it throws, it is not, and everything before it still is.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended; `DEFERRED_FUNCTION_REFUSED`,
   * `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` (a full disk, say) with the system's error; where
   * somebody removed the job's file, `DEFERRED_STATE_CORRUPT` and what `open` throws
   */
  readonly defer: Defer = (fn: AnyFunction | DeferredFunction, ...args: unknown[]): Registration => {
    this.#assertOpen();
    const deferred = this.#capture(fn, args);
    return traceDefer({ path: this.path, name: deferred.name }, () => this.#register(deferred));
  };

  /**
   * Ends the job: runs its functions, then sweeps orphans again. Never throws: what went wrong is in the report, and
   * functions with attempts left are an orphan's. A second call gives the same report.
   */
  close(): Promise<SweepReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #capture(fn: AnyFunction | DeferredFunction, args: readonly unknown[]): DeferredFunction {
    const { maxCapturedBytes } = this.#host;
    return fn instanceof DeferredFunction ? fn : DeferredFunction.capture(fn, args, { maxCapturedBytes });
  }

  #register(deferred: DeferredFunction): Registration {
    const id = this.#functions.register(deferred);
    return { id, cancel: () => this.#cancel(id), run: () => this.#run(id) };
  }

  #cancel(id: number): boolean {
    this.#assertOpen();
    return this.#functions.cancel(id);
  }

  async #run(id: number): Promise<FunctionReport | undefined> {
    this.#assertOpen();
    return this.#functions.run(id);
  }

  async #close(): Promise<SweepReport> {
    const { directory, sweepOptions } = this.#host;
    const startMs = performance.now();
    const { report: own, left } = await this.#functions.end();
    this.#host.ended(this);
    logReport(sweepOptions.logger, summarize(directory.path, [own], true, 0));
    const [others, isComplete] = this.#host.sweeps ? await this.#sweepAgain(left) : [[], true];
    // What could not be run here was run by that sweep.
    const files = new Map<string, FileReport>([[own.path, own]]);
    for (const file of others) files.set(file.path, laterReport(files.get(file.path), file));
    const report = summarize(directory.path, [...files.values()], isComplete, performance.now() - startMs);
    this.#host.reported(report);
    return report;
  }

  async #sweepAgain(except: readonly string[]): Promise<[readonly FileReport[], boolean]> {
    const { directory, sweepOptions } = this.#host;
    try {
      const stop = StopCondition.in(sweepOptions.deadlineMs, sweepOptions.signal);
      const report = await sweepDirectory(directory, { ...sweepOptions, waitMs: 0 }, stop, except);
      return [report.files, report.isComplete];
    } catch (error) {
      // Whatever is wrong with the directory must not change the result of a job that is finished.
      const refused = refusedReport(directory.path, error);
      sweepOptions.logger.warn(`deferred-sweep: ${directory.path} was not swept: ${refused.error?.message}`);
      return [[refused], false];
    }
  }

  #assertOpen(): void {
    if (!this.#functions.haveEnded) return;
    throw new DeferredSweepError(
      'DEFERRED_CLOSED',
      `cannot use the job of ${this.path}: it has ended; open another`,
      {
        path: this.path,
      },
    );
  }
}
