import type { ModuleState } from '../function/closure/module-state.ts';
import { DEFAULT_MAX_CAPTURED_BYTES } from '../function/deferred-function.ts';
import { checkedNames } from '../function/environment.ts';
import { type Resolvers, requireKnown, resolveEach } from '../known-options.ts';
import type { DeferRecord, Delivery, Durability, RunOrder } from '../log/records.ts';
import type { FileReport, FunctionReport } from '../report/report.ts';
import type { StateFileSettings } from '../state/create-state-file.ts';
import {
  checked,
  milliseconds,
  oneOf,
  positiveInteger,
  type ResolvedSweepOptions,
  resolveSweepOptions,
  SWEEP_OPTIONS,
  type SweepOptions,
} from '../sweep/options.ts';
import { isPlainText } from '../value/plain-text.ts';

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
   * system's hook has no `DOCKER_HOST` or `KUBECONFIG`. Where the program has changed one since, a runner runs the function at
   * the end of its own job, too. The values lie in the state file.
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
   * Called once for each function that failed: in `Registration.run`, a job's end, or the sweep of an `open`. It is given what the report
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

/** {@link ManagerOptions}, checked and complete. */
export interface ResolvedManagerOptions
  extends JobOptions,
    Pick<StateFileSettings, 'durability' | 'order' | 'label'> {
  readonly onFailure: ((failure: FunctionFailure) => unknown) | undefined;
  readonly closeOnSignal: boolean;
  /** Orphans keep the limits their own owner registered them with. */
  readonly sweep: ResolvedSweepOptions;
}

export interface JobOptions
  extends Pick<DeferRecord, 'delivery' | 'timeoutMs' | 'maxAttempts' | 'retryDelayMs'> {
  readonly maxCapturedBytes: number;
  readonly moduleState: ModuleState;
  /** Names of environment variables to capture with each function. */
  readonly env: readonly string[];
}

/** All that are not those of a sweep alone: one that is missing in the table does not compile. */
type OwnOption =
  | Exclude<keyof ManagerOptions, keyof SweepOptions>
  | Exclude<keyof ResolvedManagerOptions, 'sweep'>;

const OWN_OPTIONS: Resolvers<ManagerOptions, ResolvedManagerOptions, OwnOption> = {
  delivery: value => oneOf('delivery', value ?? 'at-least-once', ['at-least-once', 'at-most-once']),
  timeoutMs: value => milliseconds('timeoutMs', value ?? 60_000),
  maxAttempts: value => positiveInteger('maxAttempts', value ?? 3),
  retryDelayMs: value => milliseconds('retryDelayMs', value ?? 1000),
  env: value => checkedNames(value ?? []),
  maxCapturedBytes: value => positiveInteger('maxCapturedBytes', value ?? DEFAULT_MAX_CAPTURED_BYTES),
  moduleState: value => oneOf('moduleState', value ?? 'warn', ['warn', 'refuse', 'allow']),
  durability: value => oneOf('durability', value ?? 'process', ['process', 'disk']),
  order: value => oneOf('order', value ?? 'fifo', ['fifo', 'lifo']),
  label(value) {
    const isText = typeof value === 'string' && isPlainText(value);
    return checked('label', value, isText, 'a string that UTF-8 can hold') ?? null;
  },
  onFailure: value => checked('onFailure', value, typeof value === 'function', 'a function'),
  closeOnSignal: (value = false) =>
    checked('closeOnSignal', value, typeof value === 'boolean', 'true or false'),
};

export function resolveManagerOptions(options: ManagerOptions): ResolvedManagerOptions {
  requireKnown(options, [...SWEEP_OPTIONS, ...Object.keys(OWN_OPTIONS)]);
  const own = resolveEach(OWN_OPTIONS, options);
  const ofSweeps = Object.entries(options).filter(([name]) => !(name in OWN_OPTIONS));
  return { ...own, sweep: resolveSweepOptions(Object.fromEntries(ofSweeps)) };
}
