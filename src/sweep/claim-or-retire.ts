/**
 * What a sweeper does with a file that it has locked and read: `docs/protocol.md`, Look, step 6. It ends the attempts in
 * which its runners died, buries functions without attempts left, then retires the file or claims it.
 */
import { unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { areSameFile } from '../lock/held-file.ts';
import { nextStart } from '../runner/run-attempt.ts';
import { epochMs } from '../state/clock.ts';
import type { StateContents } from '../state/contents.ts';
import { moveDamaged } from '../state/dead-letter.ts';
import { nonceOf } from '../state/nonce.ts';
import { openPatiently, WRITE_FLAGS } from '../state/open-patiently.ts';
import type { ReportedError } from '../state/record.ts';
import { interrupted, type RetryOverrides } from '../state/retry-policy.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { StateFile } from '../state/state-file.ts';
import { ClaimedFile } from './claimed-file.ts';
import type { Candidate } from './look.ts';
import { type FileReport, refusedReport } from './report.ts';

/** What a claim must know of its sweep. */
export interface ClaimOptions {
  readonly overrides: RetryOverrides;
  /** Names the sweep in claims and marks. */
  readonly sweepId: string;
  /** When it began, in milliseconds since 1970. */
  readonly sweptSinceEpochMs: number;
  /** Why the runners of this sweep that are gone died, by nonce; the argument is the name of the function. */
  readonly deaths: ReadonlyMap<string, (name: string) => ReportedError>;
}

/** Either the file is settled, or it needs a runner. */
export type Claim =
  | { readonly kind: 'done'; readonly report: FileReport }
  | Pick<Candidate, 'kind' | 'header' | 'report'>;

/**
 * @param fd - holds the lock; open for reading at least
 * @param failure - why no runner can be had; each function that would run gets an attempt with this error
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
      sweptSinceEpochMs: options.sweptSinceEpochMs,
    });
    // If the copy failed, leave the file: running it would destroy the evidence.
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
 * Tells other sweepers that the file is being swept. If the disk takes no claim they see a live owner. The functions
 * still run: a cleanup may make room.
 */
export function writeClaim(file: StateFile, nonce: string): void {
  try {
    file.append([{ kind: 'claim', nonce, pid: process.pid, host: hostname(), atEpochMs: epochMs() }]);
  } catch (error) {
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
  }
}

/** Opens a second descriptor. The lock belongs to the first, and closing this one keeps it (flock(2), fcntl(2)). */
function openForWriting(path: string, fd: number): number {
  const writable = openPatiently(path, WRITE_FLAGS);
  let isSame = false;
  try {
    isSame = areSameFile(fd, writable);
    if (isSame) return writable;
  } finally {
    if (!isSame) closeDescriptor(writable);
  }
  throw new DeferredSweepError('DEFERRED_STATE_IO', `cannot open ${path}: another file has its name now`, {
    path,
  });
}

/** Retires a file without a header: a torn one never had a function, a damaged one has no record that counts. */
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
