/** What a user's sweep says of itself. The user's code may have written it: nothing of it is taken but this. */
import { readJson } from '../log/validate.ts';
import type { SweepReport } from '../report/report.ts';

/** Numbers of the user's sweep, as the user's own process reports them. */
export interface UserSweep extends Omit<SweepReport, 'directory' | 'files' | 'ms'> {
  /** How many files were met. */
  readonly files: number;
}

/** The longest line that is read. An honest one has a few hundred bytes, however many files there were. */
export const MAX_REPORT_BYTES: number = 1024 * 1024;

/** The report in one line of JSON, and at most a line end; undefined for anything else. */
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
