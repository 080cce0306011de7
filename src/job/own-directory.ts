/** The owner runs a function only where it is in the function's directory already: chdir(2) would move all of the process. */
import { DeferredSweepError } from '../errors.ts';
import type { DeferRecord, HeaderRecord } from '../log/records.ts';
import { isHere } from '../state/place.ts';

export function isInItsDirectory(header: HeaderRecord, record: DeferRecord): boolean {
  return isHere(record.cwd === undefined ? header.cwd : record.cwd);
}

export function notInItsDirectory({ name }: DeferRecord, path: string): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot run ${name} now: this process is not in the directory in which it was registered; the end of the job runs it there`,
    { path },
  );
}
