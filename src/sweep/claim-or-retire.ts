/**
 * What a sweeper does with a file that it has locked and read: `docs/protocol.md`, Sweep, step 6. It writes the ends of
 * attempts that its dead runners could not write, gives up what has no attempts left, then retires the file or claims it.
 */
import { constants, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { areSameFile } from '../lock/held-file.ts';
import { nextStart } from '../runner/run-attempt.ts';
import type { StateContents } from '../state/contents.ts';
import { moveDamaged } from '../state/dead-letter.ts';
import { nonceOf } from '../state/nonce.ts';
import { openPatiently } from '../state/open-patiently.ts';
import type { ReportedError } from '../state/record.ts';
import { interrupted, type RetryOverrides } from '../state/retry-policy.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { StateFile } from '../state/state-file.ts';
import { ClaimedFile } from './claimed-file.ts';
import type { Candidate } from './look.ts';
import { type FileReport, refusedReport } from './report.ts';

/** What a claim has to know of its sweep. */
export interface ClaimOptions {
  readonly overrides: RetryOverrides;
  /** Names the sweep in claims and marks. */
  readonly sweepId: string;
  /** Why the runners of this sweep that are gone died, by nonce; the argument is the name of the function. */
  readonly deaths: ReadonlyMap<string, (name: string) => ReportedError>;
}

/** Either it is settled, or a runner is needed. */
export type Claim =
  | { readonly kind: 'done'; readonly report: FileReport }
  | Pick<Candidate, 'kind' | 'header' | 'report'>;

/**
 * @param fd - holds the lock; open for reading at least
 * @param failure - why no runner can be had: it becomes the attempt of each function that would run
 * @throws Error of Node's shape, DeferredSweepError: the file is as it was, or an attempt of it has its end
 */
export function claimOrRetire(
  directory: StateDirectory,
  path: string,
  fd: number,
  bytes: Buffer,
  contents: StateContents,
  options: ClaimOptions,
  failure: ReportedError | undefined,
): Claim {
  const { header } = contents;
  if (!header) return { kind: 'done', report: retireUnreadable(directory, path, bytes, contents) };
  const writable = openForWriting(path, fd);
  try {
    const file = new StateFile(path, writable, header, contents.lengthBytes);
    const claimed = new ClaimedFile(directory, file, contents, options.overrides, {
      sweepId: options.sweepId,
    });
    // If the copy fails, the file stays: running and removing it would destroy the evidence.
    claimed.setAside(bytes);
    // Marks behind a torn end would make it damage.
    if (contents.tornBytes > 0) file.cutTail();
    claimed.attempt(() =>
      claimed.endInterrupted((nonce, name) => options.deaths.get(nonce)?.(name) ?? interrupted(name)),
    );
    const nonce = nonceOf(options.sweepId, 0);
    if (failure)
      claimed.attempt(() => claimed.failRunnable(registered => nextStart(registered, nonce), failure));
    claimed.attempt(() => claimed.giveUp());
    if (!failure && claimed.runnable().length > 0) {
      writeClaim(file, nonce);
      return { kind: 'candidate', header, report: claimed.report() };
    }
    claimed.retire();
    return { kind: 'done', report: claimed.report() };
  } finally {
    closeDescriptor(writable);
  }
}

/**
 * Tells other sweepers that the file is being swept. Where the disk takes no claim they see a live owner: that is no
 * reason not to run a cleanup, which may be what makes room.
 */
export function writeClaim(file: StateFile, nonce: string): void {
  try {
    file.append([{ kind: 'claim', nonce, pid: process.pid, host: hostname(), atEpochMs: Date.now() }]);
  } catch (error) {
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
  }
}

const WRITE_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A second descriptor: the lock stays with the first, closing this one keeps it (flock(2), fcntl(2) F_OFD_SETLK). */
function openForWriting(path: string, fd: number): number {
  const writable = openPatiently(path, WRITE_FLAGS);
  if (areSameFile(fd, writable)) return writable;
  closeDescriptor(writable);
  throw new DeferredSweepError('DEFERRED_STATE_IO', `cannot open ${path}: another file has its name now`, {
    path,
  });
}

/** Without a header no function was ever registered (torn), or no record of the file counts (damaged). */
function retireUnreadable(
  directory: StateDirectory,
  path: string,
  bytes: Buffer,
  { damagedBytes, tornBytes }: StateContents,
): FileReport {
  const report = { path, functions: [], pending: 0 };
  try {
    if (damagedBytes > 0) {
      const deadLetter = moveDamaged(directory, path);
      return { ...report, outcome: 'quarantined', isRetired: true, damagedBytes, deadLetter };
    }
    unlinkSync(path);
    return { ...report, outcome: bytes.length > 0 ? 'torn' : 'ran', isRetired: true, tornBytes };
  } catch (error) {
    return refusedReport(path, error);
  }
}
