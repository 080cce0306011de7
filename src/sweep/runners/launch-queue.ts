import type { ReportedError } from '../../log/records.ts';
import type { Candidate } from '../look-outcome.ts';
import type { Launch } from './launch.ts';

/** The candidates of one launch: they can share a runner. */
export interface LaunchQueue {
  launch: Launch;
  readonly waiting: Candidate[];
  /** Runners that work on this queue. */
  runners: number;
  idleDeaths: number;
  /** Set when runners of this launch die before they begin a function. */
  failure: ReportedError | undefined;
  /** True if nothing of the owner's can be the reason of that. */
  isBlameless: boolean;
}
