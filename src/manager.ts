/** `DeferredFunctionManager`: the owner opens jobs with it; a batch system's hook calls its `cleanupWorker`. */
import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import { isPlainText } from './cbor/plain.ts';
import { closeAtSignal } from './close-on-signal.ts';
import { DeferredSweepError } from './errors.ts';
import { noteCallers } from './function/call-stack.ts';
import { DEFAULT_MAX_CAPTURED_BYTES } from './function/deferred-function.ts';
import { checkedNames } from './function/environment.ts';
import { isImportedForCall, isInside, refuseInStartingRunner } from './function/invocation.ts';
import type { ModuleState } from './function/module-state.ts';
import { type Defer, Job, type JobHost } from './job.ts';
import { fileSystemVerdict } from './lock/file-system.ts';
import { createStateFile, createStateFileNow, type StateFileSettings } from './state/create-state-file.ts';
import { defaultBase } from './state/default-base.ts';
import { currentPlace, isSamePlace } from './state/place.ts';
import type { Delivery, Durability, RunOrder } from './state/record.ts';
import { StateDirectory } from './state/state-directory.ts';
import type { StateFile } from './state/state-file.ts';
import { stateIo } from './state/state-io.ts';
import { cleanup } from './sweep/cleanup.ts';
import {
  directoryOptions,
  milliseconds,
  oneOf,
  positiveInteger,
  type ResolvedSweepOptions,
  requireKnown,
  resolveSweepOptions,
  SWEEP_OPTIONS,
  type SweepOptions,
} from './sweep/options.ts';
import { type FileReport, type FunctionReport, type SweepReport, summarize } from './sweep/report.ts';
import { StopCondition } from './sweep/stop.ts';
import { sweepDirectory } from './sweep/sweep.ts';

/** How a manager registers and sweeps. `timeoutMs` and `maxAttempts` are stored with each function it registers. */
export interface ManagerOptions extends SweepOptions {
  /** What a registration survives. @defaultValue 'process' */
  durability?: Durability | undefined;
  /** @defaultValue 'at-least-once' */
  delivery?: Delivery | undefined;
  /** @defaultValue 'fifo' */
  order?: RunOrder | undefined;
  /** Time limit of each function registered here, in milliseconds; 0 is none. @defaultValue 60000 */
  timeoutMs?: number | undefined;
  /** Attempts each function registered here has, over all processes. @defaultValue 3 */
  maxAttempts?: number | undefined;
  /**
   * Pause between the first failed attempt of a function registered here and the second, in milliseconds. Doubled for
   * each further attempt. @defaultValue 1000
   */
  retryDelayMs?: number | undefined;
  /** Most bytes of source and captured values of one function that is stored by source. @defaultValue 1048576 */
  maxCapturedBytes?: number | undefined;
  /**
   * Names of environment variables. Their values at registration are stored, and a runner restores them: a batch
   * system's hook has no `DOCKER_HOST` or `KUBECONFIG`. The values lie in the state file.
   */
  env?: readonly string[] | undefined;
  /**
   * What to do about an exported function that reads variables of its module which have been assigned or changed since the
   * module was evaluated, or are others each time it is (`const dir = mkdtempSync(…)`): another process has its own.
   * `warn` tells the logger once for each function.
   * @defaultValue 'warn'
   */
  moduleState?: ModuleState | undefined;
  /** Stored with every job, for reports. */
  label?: string | undefined;
  /**
   * Called once for each function that failed: in a job's end, or in the sweep of an `open`. It is given what the report
   * says; what it throws, or rejects with, is told to the logger and changes nothing.
   */
  onFailure?: ((failure: FunctionFailure) => unknown) | undefined;
  /**
   * At SIGINT or SIGTERM, while a job is open: ends the jobs, whose functions run, without a sweep after them; then the
   * process ends by that signal. A second signal ends it at once, and the next sweep runs the rest. The program goes on
   * meanwhile. Only in the main thread: others get no signals.
   * @defaultValue false
   */
  closeOnSignal?: boolean | undefined;
}

/** A function that failed, and its file. */
export interface FunctionFailure {
  readonly failed: FunctionReport;
  readonly file: FileReport;
}

const MANAGER_OPTIONS: readonly (keyof ManagerOptions)[] = [
  ...SWEEP_OPTIONS,
  'durability',
  'delivery',
  'order',
  'maxCapturedBytes',
  'moduleState',
  'env',
  'label',
  'onFailure',
  'closeOnSignal',
];

/** How to open a job. */
export interface OpenOptions {
  /**
   * The sweep before the job: `wait` for it, let it go on in the `background`, or have `none`.
   * @defaultValue 'wait'
   */
  sweep?: 'wait' | 'background' | 'none' | undefined;
  /** Longest wait for files that other sweeps have, in milliseconds. @defaultValue the manager's */
  waitMs?: number | undefined;
}

export class DeferredFunctionManager {
  readonly #directory: StateDirectory;
  readonly #settings: StateFileSettings;
  readonly #sweepOptions: ResolvedSweepOptions;
  readonly #host: JobHost;
  readonly #jobs = new Set<Job>();
  /** The file of an ended job, for the next job. Locked, and without functions. */
  #idle: StateFile | undefined;
  #isClosed = false;
  readonly #closing = new AbortController();
  /** Sweeps that go on beside jobs. */
  readonly #background = new Set<Promise<unknown>>();
  #knowsFileSystem = false;
  readonly #onFailure: ManagerOptions['onFailure'];
  readonly #closesOnSignal: boolean;
  /** Takes the listener for signals away, which is there while a job is open. */
  #ignoreSignals: (() => void) | undefined;
  /** A signal ends this process. */
  #isDying = false;

  /**
   * Touches neither the directory nor the addon yet.
   * @param stateDirBase - directory on a local file system, shared by the workers of a node; resolved now. By default the
   * value of `DEFERRED_SWEEP_DIR`, else `/var/tmp/deferred-sweep-<uid>`: where the command line looks, too
   * @throws TypeError, RangeError naming an option that is wrong
   */
  constructor(stateDirBase: string = defaultBase(), options: ManagerOptions = {}) {
    if (typeof stateDirBase !== 'string' || stateDirBase === '') {
      throw new TypeError(
        `"stateDirBase" must be the path of a directory, got ${JSON.stringify(stateDirBase)}`,
      );
    }
    requireKnown(options, MANAGER_OPTIONS);
    const { label, timeoutMs, maxAttempts, retryDelayMs, maxCapturedBytes, moduleState, ...rest } = options;
    const { durability, delivery, order, env, onFailure, closeOnSignal = false, ...sweepOptions } = rest;
    if (onFailure !== undefined && typeof onFailure !== 'function')
      throw new TypeError(`option "onFailure" must be a function, got ${typeof onFailure}`);
    this.#onFailure = onFailure;
    if (typeof closeOnSignal !== 'boolean')
      throw new TypeError(`option "closeOnSignal" must be true or false, got ${typeof closeOnSignal}`);
    this.#closesOnSignal = closeOnSignal;
    if (label !== undefined && (typeof label !== 'string' || !isPlainText(label)))
      throw new TypeError('option "label" must be a string that UTF-8 can hold');
    // Orphans keep the limits their own owner registered them with.
    this.#sweepOptions = resolveSweepOptions(sweepOptions);
    this.#directory = new StateDirectory(stateDirBase, directoryOptions(this.#sweepOptions));
    this.#settings = {
      lock: this.#sweepOptions.lock,
      durability: oneOf('durability', durability ?? 'process', ['process', 'disk']),
      order: oneOf('order', order ?? 'fifo', ['fifo', 'lifo']),
      label: label ?? null,
    };
    this.#host = {
      directory: this.#directory,
      sweepOptions: this.#sweepOptions,
      delivery: oneOf('delivery', delivery ?? 'at-least-once', ['at-least-once', 'at-most-once']),
      timeoutMs: milliseconds('timeoutMs', timeoutMs ?? 60_000),
      maxAttempts: positiveInteger('maxAttempts', maxAttempts ?? 3),
      retryDelayMs: milliseconds('retryDelayMs', retryDelayMs ?? 1000),
      env: checkedNames(env ?? []),
      sweeps: () => !isInside() && !this.#isDying,
      maxCapturedBytes: positiveInteger('maxCapturedBytes', maxCapturedBytes ?? DEFAULT_MAX_CAPTURED_BYTES),
      moduleState: oneOf('moduleState', moduleState ?? 'warn', ['warn', 'refuse', 'allow']),
      createFile: cwd => createStateFileNow(this.#directory, { ...this.#settings, cwd }),
      giveBack: file => this.#keep(file),
      retire: file => this.#remove(file),
      ended: job => this.#forget(job),
      reported: report => this.#tellFailures(report),
    };
  }

  /** `<stateDirBase>/deferred`, absolute. */
  get directory(): string {
    return this.#directory.path;
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
    const waitMs = milliseconds('waitMs', options.waitMs ?? this.#sweepOptions.waitMs);
    this.#assertOpen();
    if (this.#closesOnSignal && !isMainThread)
      throw new DeferredSweepError(
        'DEFERRED_UNSUPPORTED',
        `cannot open a job in ${this.#directory.path} that closes on a signal: signals come to the main thread only; leave closeOnSignal out, or open it there`,
        { path: this.#directory.path },
      );
    noteCallers();
    if (isImportedForCall()) throw restarted(this.#directory.path);
    const report = await this.#sweepBefore(isInside() ? 'none' : how, waitMs);
    const file = this.#takeIdle() ?? (await createStateFile(this.#directory, this.#settings));
    try {
      this.#checkFileSystem(file);
      // Another call may have closed the manager meanwhile.
      this.#assertOpen();
    } catch (error) {
      this.#remove(file);
      throw error;
    }
    const job = new Job(this.#host, file, report);
    this.#jobs.add(job);
    if (this.#closesOnSignal) this.#ignoreSignals ??= closeAtSignal(() => this.#closeBeforeDeath());
    return job;
  }

  /**
   * Opens a job, calls `body`, closes the job. Returns what `body` returns and throws what it throws. Cleanups change
   * neither.
   */
  async run<T>(body: (defer: Defer, job: Job) => T | Promise<T>): Promise<T> {
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
    this.#isClosed = true;
    // Background sweeps finish the function in progress and stop.
    this.#closing.abort();
    const reports = await Promise.all([...this.#jobs].map(job => job.close()));
    await Promise.allSettled(this.#background);
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle) this.#remove(idle);
    const files = reports.flatMap(report => report.files);
    const isComplete = reports.every(report => report.isComplete);
    return summarize(this.#directory.path, files, isComplete, performance.now() - startMs);
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
    const options = { ...this.#sweepOptions, waitMs };
    if (how === 'wait') {
      const stop = StopCondition.in(options.deadlineMs, options.signal);
      const report = await sweepDirectory(this.#directory, options, stop);
      this.#tellFailures(report);
      return report;
    }
    if (how === 'background') {
      const signals = [this.#closing.signal, ...(options.signal ? [options.signal] : [])];
      const stop = StopCondition.in(options.deadlineMs, AbortSignal.any(signals));
      const sweeping = sweepDirectory(this.#directory, options, stop).then(
        report => this.#tellFailures(report),
        (error: unknown) => {
          options.logger.warn(`deferred-sweep: ${this.#directory.path} was not swept: ${String(error)}`);
        },
      );
      this.#background.add(sweeping);
      void sweeping.then(() => this.#background.delete(sweeping));
    }
    return summarize(this.#directory.path, [], false, 0);
  }

  #tellFailures({ files }: SweepReport): void {
    const tell = this.#onFailure;
    if (!tell) return;
    // Of its own turn: what it throws, at once or later, is no part of a cleanup.
    const call = async (failure: FunctionFailure): Promise<unknown> => tell(failure);
    for (const file of files)
      for (const failed of file.functions)
        if (failed.outcome !== 'ok')
          call({ failed, file }).catch((error: unknown) => {
            this.#sweepOptions.logger.warn(
              `deferred-sweep: onFailure threw ${String(error)} for ${failed.name}`,
            );
          });
  }

  #forget(job: Job): void {
    this.#jobs.delete(job);
    if (this.#jobs.size > 0) return;
    this.#ignoreSignals?.();
    this.#ignoreSignals = undefined;
  }

  /** Runs what the jobs owe. Sweeps are left as they are: they may be killed at any moment. */
  async #closeBeforeDeath(): Promise<void> {
    this.#isClosed = true;
    this.#isDying = true;
    await Promise.all([...this.#jobs].map(job => job.close()));
  }

  #keep(file: StateFile): boolean {
    // One idle file is enough: jobs that were open side by side may never be again. With 'disk' no file is kept: a power
    // cut can leave half a truncation, zeros without the length. Such a file looks damaged.
    if (this.#idle || this.#isClosed || file.header.durability === 'disk') {
      this.#remove(file);
      return false;
    }
    file.reset();
    this.#idle = file;
    return true;
  }

  #takeIdle(): StateFile | undefined {
    const file = this.#idle;
    this.#idle = undefined;
    if (!file) return undefined;
    // A runner takes the working directory from the header.
    if (isSamePlace(file.header.cwd, currentPlace())) return file;
    this.#remove(file);
    return undefined;
  }

  /** Removes a file in which nothing is pending. If that fails, the next sweep removes it. */
  #remove(file: StateFile): void {
    try {
      file.remove();
    } catch (error) {
      this.#sweepOptions.logger.warn(
        `deferred-sweep: cannot remove ${file.path}, a sweep will: ${String(error)}`,
      );
    } finally {
      file.close();
    }
  }

  #checkFileSystem(file: StateFile): void {
    if (this.#knowsFileSystem) return;
    // Our locked file keeps a cleanup from removing the directory meanwhile.
    const verdict = stateIo(`tell the file system of ${file.path}`, file.path, () =>
      fileSystemVerdict(file.path),
    );
    this.#knowsFileSystem = true;
    if (verdict === 'local') return;
    this.#sweepOptions.logger.warn(
      `deferred-sweep: ${this.#directory.path} is on a network or FUSE file system, whose locks may hold only within one host or mount; use a local directory`,
    );
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new DeferredSweepError(
      'DEFERRED_CLOSED',
      `cannot open a job in ${this.#directory.path}: the manager is closed`,
      {
        path: this.#directory.path,
      },
    );
  }
}

/** A module of which a function is deferred may not run jobs when it is imported: each would defer it again, for ever. */
function restarted(directory: string): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_FUNCTION_REFUSED',
    `cannot open a job in ${directory}: the module that opens it is imported only to run a deferred function of it; ` +
      'move the function to a module that starts nothing',
    { path: directory },
  );
}
