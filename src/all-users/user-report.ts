import { readJson } from '../log/validate.ts';
import type { SweepReport } from '../report/report.ts';

/**
 * What became of one user's directory.
 * - `swept`: the user's sweep ended well
 * - `failed`: it ended, and something in it failed or was left; or it could not be started
 * - `timed-out`: its time was over, or the caller's signal came; it was ended
 * - `refused`: the directory is not the user's alone, or the caller named a number that is not swept; nothing was started
 * - `skipped`: no ordinary user of this machine has the number, and the caller did not name it; nothing was started
 * - `not-begun`: the time for all was over before its turn
 */
export type UserOutcome = 'swept' | 'failed' | 'timed-out' | 'refused' | 'skipped' | 'not-begun';

/** One directory of ROOT. */
export interface UserReport {
  readonly uid: number;
  /** ROOT/<uid>. */
  readonly base: string;
  readonly outcome: UserOutcome;
  /** Why the outcome is not `swept`. Of a swept one: what is wrong with its report. */
  readonly reason?: string;
  /** What the user's process says. The user may make it say anything; it has this shape. */
  readonly sweep?: UserSweep;
  /** Processes of the user that began since and outlived the end of the sweep by force. */
  readonly survivors?: readonly number[];
}

/** What a sweep for everybody did. */
export interface AllUsersReport {
  /** ROOT, absolute. */
  readonly root: string;
  /** In the order of their numbers. */
  readonly users: readonly UserReport[];
  readonly ms: number;
}

/** Numbers of the user's sweep, as the user's own process reports them. */
export interface UserSweep extends Omit<SweepReport, 'directory' | 'files' | 'ms'> {
  /** How many files were met. */
  readonly files: number;
}

/** What became of a user's directory, in words. @param counts - said behind the outcome */
export function describeOutcome({ outcome, reason, survivors = [] }: UserReport, counts = ''): string {
  const why = reason === undefined ? '' : `: ${reason}`;
  const left = survivors.length > 0 ? `; processes left: ${survivors.join(' ')}` : '';
  return `${outcome}${counts}${why}${left}`;
}

/** True when root should look. A number that no user has is no problem. */
export function hasUserProblems({ users }: AllUsersReport): boolean {
  return users.some(
    ({ outcome, reason }) => outcome !== 'skipped' && (outcome !== 'swept' || reason !== undefined),
  );
}

/** The report in one line of JSON; undefined for anything else. The user's code may have written it: only this is taken. */
export function parseUserSweep(text: string): UserSweep | undefined {
  return readJson(text, fields => ({
    ok: fields.index('ok'),
    failed: fields.index('failed'),
    pending: fields.index('pending'),
    live: fields.index('live'),
    held: fields.index('held'),
    sweeping: fields.index('sweeping'),
    files: fields.index('files'),
    isComplete: fields.boolean('isComplete'),
  }));
}
