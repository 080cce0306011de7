/** What a look at a file can find. */
import { DeferredSweepError, hasCode, systemErrorCode } from '../errors.ts';
import type { HeaderRecord } from '../log/records.ts';
import { type FileReport, refusedReport } from '../report/report.ts';
import { systemReason } from '../state/system-reason.ts';
import { notOpened } from '../trust/trust.ts';

export type Look =
  /** The path is gone or names another file: another sweeper or the owner was faster. */
  | { readonly kind: 'vanished' }
  /** This sweep has met the file before. */
  | { readonly kind: 'seen' }
  /** Another process holds the lock. `report.outcome` says which kind of process, as far as reading tells. */
  | { readonly kind: 'locked'; readonly report: FileReport }
  /** Another sweeper claimed the file. Its runner is about to lock it, or that sweeper died. */
  | { readonly kind: 'handed-over' }
  /** No function has to run now, or none can. */
  | { readonly kind: 'done'; readonly report: FileReport }
  | Candidate;

/** A file with something to run: claimed, and locked until {@link Candidate.release}. */
export interface Candidate {
  readonly kind: 'candidate';
  readonly name: string;
  readonly path: string;
  readonly inode: string;
  readonly header: HeaderRecord;
  /** The file's length when it was read. */
  readonly seenBytes: number;
  /** What the sweeper knows of the file before a runner has it. */
  readonly report: FileReport;
  /** Unlocks the file for a runner. */
  release(): void;
}

export function refusedToOpen(path: string, error: unknown): Look {
  const why = notOpened(path, error);
  return why === error ? failed(path, error) : done(refusedReport(path, why));
}

/** A step failed. @throws DeferredSweepError `DEFERRED_LOCK_INEFFECTIVE` */
export function failed(path: string, error: unknown): Look {
  // Another process unlinked it between two steps.
  if (systemErrorCode(error) === 'ENOENT') return { kind: 'vanished' };
  // This concerns the whole file system, not this file.
  if (hasCode(error, 'DEFERRED_LOCK_INEFFECTIVE')) throw error;
  const [code, why] =
    error instanceof DeferredSweepError
      ? ([error.code, error.message] as const)
      : (['DEFERRED_STATE_IO', systemReason(error)] as const);
  return done(
    refusedReport(path, new DeferredSweepError(code, `cannot sweep ${path}: ${why}`, { path, cause: error })),
  );
}

export function done(report: FileReport): Look {
  return { kind: 'done', report };
}
