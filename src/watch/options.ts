import { requireKnown } from '../known-options.ts';
import type { SweepReport } from '../report/report.ts';
import {
  checked,
  milliseconds,
  type ResolvedSweepOptions,
  resolveSweepOptions,
  SWEEP_OPTIONS,
  type SweepOptions,
} from '../sweep/options.ts';

/** How to watch. Times are in milliseconds. */
export interface WatchOptions extends Omit<SweepOptions, 'deadlineMs' | 'waitMs'> {
  /** Ends the watch: the functions in progress are finished, the rest stays registered. */
  signal?: AbortSignal | undefined;
  /**
   * Called after each sweep that ran a function or met a new fault, with the files concerned; those of live owners are
   * not among them. What it throws, or rejects with, ends the watch.
   */
  onReport?: ((report: SweepReport) => void) | undefined;
  /**
   * Longest time between two looks at the whole directory. Where the system tells of no events, there are only these looks.
   * @defaultValue 60000 where the system tells of events, else 1000
   */
  pollMs?: number | undefined;
}

export interface ResolvedWatchOptions {
  readonly sweep: ResolvedSweepOptions;
  readonly onReport: (report: SweepReport) => void;
  /** `undefined`: as the system tells of events, or not. */
  readonly pollMs: number | undefined;
}

/** What the command line wants to know besides. */
export interface WatchListener {
  /** Called once, when no later death is missed. */
  readonly onWatching?: () => void;
  /** Called after each sweep; false where the directory could not be read or must not be. */
  readonly onSwept?: (isDone: boolean) => void;
  /** Gets what is told of the directory. @defaultValue as all that is told, the logger */
  readonly warn?: (message: string) => void;
}

/** Shorter would keep a processor busy. */
export const LEAST_POLL_MS = 10;

const WATCH_OPTIONS: readonly string[] = [
  ...SWEEP_OPTIONS.filter(name => name !== 'deadlineMs' && name !== 'waitMs'),
  'onReport',
  'pollMs',
];

/** @throws TypeError or RangeError naming an option that is unknown or has a wrong value */
export function resolveWatchOptions(options: WatchOptions): ResolvedWatchOptions {
  requireKnown(options, WATCH_OPTIONS);
  const { onReport = () => {}, pollMs, ...sweep } = options;
  return {
    sweep: resolveSweepOptions(sweep),
    onReport: checked('onReport', onReport, typeof onReport === 'function', 'a function'),
    pollMs: pollMs === undefined ? undefined : Math.max(LEAST_POLL_MS, milliseconds('pollMs', pollMs)),
  };
}
