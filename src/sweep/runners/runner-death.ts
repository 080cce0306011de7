/** What a report says of a runner that died, or never worked. */
import type { ReportedError } from '../../log/records.ts';
import { reportOf } from '../../report/reported-error.ts';
import { programReason, withPath } from '../../state/system-reason.ts';
import type { Candidate } from '../look-outcome.ts';

export interface RunnerEnd {
  /** True if it said that it began a function. */
  readonly hasBegun: boolean;
  /** The limit that it exceeded, of its function or of its start. Undefined if it was not killed for one. */
  readonly timedOutMs?: number | undefined;
  /** The grace that it had when its sweep was told to end. Undefined if it was not. */
  readonly hurriedMs?: number | undefined;
  /** In words: `exited with code 3`, or {@link NOT_STARTED}. */
  readonly how: string;
  readonly error: unknown;
  /** Why its events could not be read to their end. Undefined if they were. */
  readonly unheard?: unknown;
}

/** The system, or Node, refused to start a process. */
export const NOT_STARTED = 'could not be started';

/** The reason of the attempt that it died in. */
export function whyItDied(name: string, end: RunnerEnd): ReportedError {
  const { timedOutMs, hurriedMs, how } = end;
  if (timedOutMs === undefined && hurriedMs === undefined)
    return reportOf('DEFERRED_CRASHED', `${name} was not finished: the process that ran it ${how}`);
  const told = timedOutMs === undefined ? 'its sweep was told to end, and ' : '';
  return reportOf(
    'DEFERRED_TIMED_OUT',
    `cannot wait longer for ${name}: ${told}it did not finish within ${timedOutMs ?? hurriedMs} ms, its process was killed`,
  );
}

/** The runner began no function. */
export function cannotStart({ how, timedOutMs, error }: RunnerEnd): ReportedError {
  const late = timedOutMs === undefined ? '' : `, having begun none within ${timedOutMs} ms`;
  const cause = error === undefined ? '' : `: ${withPath(error, programReason(error))}`;
  return reportOf(
    'DEFERRED_CRASHED',
    `cannot run orphans: the runner process ${how} before it ran a function${late}${cause}`,
  );
}

/** The file is gone, and what its runner said of it could not be read. */
export function unheard({ path }: Candidate, cause: unknown): ReportedError {
  return reportOf(
    'DEFERRED_STATE_IO',
    `cannot tell what became of the functions of ${path}: its runner, or another sweep, has finished it, and what the runner said could not be read: ${String(cause)}`,
  );
}
