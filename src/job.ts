/** One open job: what its deferred functions clean up after. */
import { fstatSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { DeferredSweepError, systemErrorCode } from './errors.ts';
import { type AnyFunction, DeferredFunction } from './function/deferred-function.ts';
import { inodeKey } from './lock/held-file.ts';
import type { RegisteredFunction } from './state/contents.ts';
import type { Delivery } from './state/record.ts';
import type { StateDirectory } from './state/state-directory.ts';
import type { StateFile } from './state/state-file.ts';
import { logReport } from './sweep/logger.ts';
import type { ResolvedSweepOptions } from './sweep/options.ts';
import {
  type FileReport,
  type FunctionReport,
  refusedReport,
  type SweepReport,
  summarize,
} from './sweep/report.ts';
import { noRoomForStart, runFunction } from './sweep/run-function.ts';
import { sweepDirectory } from './sweep/sweep.ts';
import { TakenFile } from './sweep/taken-file.ts';
import { traceDefer } from './tracing.ts';

/** What a job needs of its manager. */
export interface JobHost {
  readonly directory: StateDirectory;
  readonly sweepOptions: ResolvedSweepOptions;
  readonly delivery: Delivery;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly maxCapturedBytes: number;
  /** A fresh state file, without waiting. */
  createFile(): StateFile;
  /** Takes back a file in which nothing is pending, to empty it and use it again, or to remove it. */
  giveBack(file: StateFile): void;
  /** Told once, when the job has ended. */
  ended(job: Job): void;
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
   * Runs the function now, from its record, as the end of the job would; that then runs it only if it failed and has
   * attempts left. Running already, also by the end of the job, it is not begun again: that run is waited for. Returns
   * undefined when it was run or cancelled before.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended, `DEFERRED_STATE_IO`. Not what the function throws.
   */
  run(): Promise<FunctionReport | undefined>;
}

export class Job {
  /** What the sweep before this job found. */
  readonly sweepReport: SweepReport;
  readonly #host: JobHost;
  #file: StateFile;
  /** Counts what is written into the file other than by the end of the job: that then reads it again. */
  #changes = 0;
  /** Functions being run, by id. */
  readonly #running = new Map<number, Promise<TakenFile>>();
  #isEnded = false;
  #closing: Promise<SweepReport> | undefined;

  constructor(host: JobHost, file: StateFile, sweepReport: SweepReport) {
    this.#host = host;
    this.#file = file;
    this.sweepReport = sweepReport;
  }

  /** The job's state file. */
  get path(): string {
    return this.#file.path;
  }

  /**
   * Registers a call to be made when the job ends, or by somebody else if this process dies before. When it returns,
   * the call is registered; when it throws, it is not, and everything before it still is.
   * @throws DeferredSweepError `DEFERRED_CLOSED` after the job ended; `DEFERRED_FUNCTION_REFUSED`,
   * `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` (a full disk, say) with the system's error
   */
  readonly defer: Defer = (fn: AnyFunction | DeferredFunction, ...args: unknown[]): Registration => {
    this.#assertOpen();
    const deferred = this.#capture(fn, args);
    return traceDefer({ path: this.#file.path, name: deferred.name }, () => this.#register(deferred));
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
    // Somebody removed our file: nobody would find what is written into it now.
    if (!this.#file.isLinked() && this.#running.size === 0 && !this.#closing) this.#moveToFreshFile();
    const id = this.#file.lastId + 1;
    this.#file.append({
      kind: 'defer',
      id,
      name: deferred.name,
      function: deferred.descriptor,
      arguments: deferred.encodedArguments,
      registeredAtEpochMs: Date.now(),
      delivery: this.#host.delivery,
      timeoutMs: this.#host.timeoutMs,
      maxAttempts: this.#host.maxAttempts,
    });
    this.#file.lastId = id;
    this.#changes++;
    return { id, cancel: () => this.#cancel(id), run: () => this.#runEarly(id) };
  }

  #moveToFreshFile(): void {
    const pending = this.#file.read().pending();
    const records = [
      ...pending.map(registered => registered.record),
      ...pending.flatMap(registered => registered.marks),
    ];
    const fresh = this.#host.createFile();
    try {
      if (records.length > 0) fresh.append(...records);
    } catch (error) {
      this.#host.giveBack(fresh);
      throw error;
    }
    fresh.lastId = this.#file.lastId;
    this.#file.close();
    this.#file = fresh;
  }

  #cancel(id: number): boolean {
    this.#assertOpen();
    const registered = this.#file.read().functions.get(id);
    // In progress: a true would promise that it does not run.
    if (!registered?.isPending || registered.isInProgress) return false;
    this.#file.append({ kind: 'cancel', id });
    this.#changes++;
    return true;
  }

  async #runEarly(id: number): Promise<FunctionReport | undefined> {
    this.#assertOpen();
    const taken = await (this.#running.get(id) ?? this.#runNow(id));
    return taken?.report().functions.find(ran => ran.id === id);
  }

  /** Undefined when there is nothing to run. */
  #runNow(id: number): Promise<TakenFile> | undefined {
    const taken = this.#take();
    const registered = taken.runnable().find(candidate => candidate.record.id === id);
    if (!registered) return undefined;
    this.#changes++;
    // Only this one: another that looks given up may be running.
    return this.#runOnce(taken, registered, () => taken.giveUp(id));
  }

  #take(): TakenFile {
    return new TakenFile(this.#host.directory, this.#file, this.#file.read(), undefined);
  }

  /** Runs a function, its start mark written when this returns; who wants it run before it has ended gets this run. */
  #runOnce(
    taken: TakenFile,
    registered: RegisteredFunction,
    afterwards: () => void = () => {},
  ): Promise<TakenFile> {
    const { id } = registered.record;
    const run = async (): Promise<TakenFile> => {
      try {
        await this.#runOne(taken, registered);
        afterwards();
        return taken;
      } finally {
        this.#running.delete(id);
      }
    };
    const running = run();
    this.#running.set(id, running);
    return running;
  }

  async #runOne(taken: TakenFile, registered: RegisteredFunction): Promise<void> {
    const result = await runFunction(taken.file, registered, {
      isOrphaned: false,
      timeoutMs: registered.record.timeoutMs,
      killGraceMs: this.#host.sweepOptions.killGraceMs,
      onMark: mark => taken.apply(mark),
    });
    if (result === 'not-started') taken.leave(registered.record.id, noRoomForStart(registered.record.name));
  }

  async #close(): Promise<SweepReport> {
    const { directory, sweepOptions } = this.#host;
    const startMs = performance.now();
    const inode = inodeOf(this.#file);
    const own = await this.#runOwn();
    this.#host.ended(this);
    logReport(sweepOptions.logger, summarize(directory.path, [own], true, 0));
    const [others, isComplete] = await this.#sweepAgain(own.isRetired ? [] : inode);
    return summarize(directory.path, [own, ...others], isComplete, performance.now() - startMs);
  }

  async #runOwn(): Promise<FileReport> {
    let taken: TakenFile | undefined;
    try {
      do await this.#earlyRuns();
      while (this.#running.size > 0);
      taken = this.#take();
      if (taken.contents.damagedBytes > 0) taken.setAside(this.#file.readBytes());
      await this.#runPending(taken);
      taken.giveUp();
      if (taken.contents.damagedBytes > 0) {
        // Its header may be what is damaged: no file for another job.
        taken.retire();
        return taken.report();
      }
      if (taken.contents.pending().length === 0) {
        this.#host.giveBack(this.#file);
        return taken.report(true);
      }
    } catch (error) {
      this.#isEnded = true;
      // Their marks go through the descriptor that is closed below.
      await this.#earlyRuns();
      if (!taken) {
        this.#file.close();
        return refusedReport(this.path, error);
      }
      taken.fail(error);
    }
    try {
      taken.file.settleMarks();
    } catch (error) {
      taken.fail(error);
    }
    // What is left is an orphan's from here on.
    taken.file.close();
    return taken.report();
  }

  /**
   * Runs what is pending, in order, until nothing is, and ends the job. Functions, and whoever else has the job, may defer,
   * cancel and run others meanwhile. Between the last look at what they did and the next start mark, or the end, there
   * is no `await`: what is deferred before is run, what is deferred after is refused, and nothing is in between.
   */
  async #runPending(taken: TakenFile): Promise<void> {
    let queue = taken.runnable().reverse();
    for (let next = queue.pop(); next; next = queue.pop()) {
      const known = this.#changes;
      await this.#runOnce(taken, next);
      while (this.#running.size > 0) await this.#earlyRuns();
      if (known === this.#changes) continue;
      taken.refresh();
      queue = taken.runnable().reverse();
    }
    this.#isEnded = true;
  }

  /** Waits for functions run before their turn: else they would look like interrupted ones, and run twice at once. */
  async #earlyRuns(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #sweepAgain(except: readonly string[]): Promise<[readonly FileReport[], boolean]> {
    const { directory, sweepOptions } = this.#host;
    try {
      const report = await sweepDirectory(directory, sweepOptions, except);
      return [report.files, report.isComplete];
    } catch (error) {
      // Whatever is wrong with the directory must not change the result of a job that is finished.
      const refused = refusedReport(directory.path, error);
      sweepOptions.logger.warn(`deferred-sweep: ${directory.path} was not swept: ${refused.error?.message}`);
      return [[refused], false];
    }
  }

  #assertOpen(): void {
    if (!this.#isEnded) return;
    throw new DeferredSweepError(
      'DEFERRED_CLOSED',
      `cannot use the job of ${this.path}: it has ended; open another`,
      {
        path: this.path,
      },
    );
  }
}

/** The inode of an open file, or none where the system does not tell: the file may then be met again. */
function inodeOf({ fd }: StateFile): string[] {
  try {
    return [inodeKey(fstatSync(fd))];
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
}
