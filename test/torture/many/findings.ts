/** What the checker counts. */

/** What must not happen. Each counter is a list of what was found, in words. */
export interface Findings {
  /** Registered, not cancelled, and neither run to its end nor among the dead letters. */
  readonly lost: string[];
  /** Run again although it was not in progress when its runner died; or at all, when at most once was asked for. */
  readonly duplicated: string[];
  /** Run while its owner, or another holder of the lock, was alive and its job open. */
  readonly early: string[];
  /** Begun before one of its job that should have come first. */
  readonly outOfOrder: string[];
  /** Begun after `cancel` had returned true. */
  readonly cancelled: string[];
  /** Begun while another process was in the middle of a function of the same job. */
  readonly overlapping: string[];
  /** Run, and nobody ever asked for it. */
  readonly unknown: string[];
}

/** What was tried, and what the promises allow. */
export interface Tally {
  jobs: number;
  registered: number;
  cancelled: number;
  /** Functions begun, by their owner and by others. */
  own: number;
  orphaned: number;
  /** Children forked without exec, and the functions begun by others whose lock such a child had had. */
  forked: number;
  orphanedForked: number;
  /** Begun again after an error, after their time was up, or after their runner died in them. */
  retried: number;
  timedOut: number;
  repeated: number;
  /** At most once, and interrupted or failed; or every attempt used up. */
  letters: number;
  /** Attempts without a line: their runner died between the mark and the function's first line. */
  unseen: number;
}

export function noFindings(): Findings {
  return { lost: [], duplicated: [], early: [], outOfOrder: [], cancelled: [], overlapping: [], unknown: [] };
}

export function noTally(): Tally {
  return {
    ...{ jobs: 0, registered: 0, cancelled: 0, own: 0, orphaned: 0 },
    ...{ forked: 0, orphanedForked: 0 },
    ...{ retried: 0, timedOut: 0, repeated: 0, letters: 0, unseen: 0 },
  };
}
