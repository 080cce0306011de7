/** What a sweeper does with a file that it has locked and read: `docs/protocol.md`, Look, step 6. */
import { unlinkSync } from 'node:fs';
import { ClaimedFile } from '../attempt/claimed-file.ts';
import { writeClaim } from '../attempt/run-attempt.ts';
import { DeferredSweepError } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { areSameFile } from '../lock/held-file.ts';
import type { StateContents } from '../log/contents.ts';
import { nonceOf } from '../log/nonce.ts';
import type { HeaderRecord, ReportedError } from '../log/records.ts';
import { interrupted } from '../log/retry-policy.ts';
import { type FileReport, refusedReport } from '../report/report.ts';
import { moveDamaged } from '../state/dead-letter.ts';
import { openPatiently, WRITE_FLAGS } from '../state/open-patiently.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { StateFile } from '../state/state-file.ts';
import type { StopCondition } from '../stop.ts';
import type { SweepListener } from './listener.ts';
import type { ResolvedSweepOptions } from './options.ts';
import type { ReportBook } from './report-book.ts';

/** What all that a sweep does has in common. */
export interface SweepContext {
  readonly options: ResolvedSweepOptions;
  /** Names the sweep in claims and marks. */
  readonly sweepId: string;
  /** When it began, on the clock of `monotonicMs`. */
  readonly sweptAtMs: number;
  /** Why runners died, by nonce, for a function of this name. The crew fills it, the looker reads it. */
  readonly deaths: Map<string, (name: string) => ReportedError>;
  readonly stop: StopCondition;
  readonly book: ReportBook;
  /** Gets what functions print; by default it goes to standard error. */
  readonly listener: SweepListener | undefined;
}

export type Claim =
  | { readonly kind: 'done'; readonly report: FileReport }
  | { readonly kind: 'candidate'; readonly header: HeaderRecord; readonly report: FileReport };

/** A file that this process has locked and read. */
interface ReadFile {
  readonly path: string;
  /** Holds the lock; open for reading at least. */
  readonly fd: number;
  readonly bytes: Buffer;
  readonly contents: StateContents;
}

/** @throws Error of Node's shape, DeferredSweepError: the file is as it was, or an attempt of it has its end */
export function claimOrRetire(
  directory: StateDirectory,
  read: ReadFile,
  { options, sweepId, sweptAtMs, deaths }: SweepContext,
  failure: ReportedError | undefined,
): Claim {
  const { path, fd, bytes, contents } = read;
  const { header } = contents;
  if (!header) return { kind: 'done', report: retireUnreadable(directory, read) };
  const writable = openForWriting(path, fd);
  try {
    const file = new StateFile(path, writable, header, contents.lengthBytes);
    const claimed = new ClaimedFile(directory, file, contents, options, { sweepId, sweptAtMs });
    // If the copy failed, leave the file: running it would destroy the evidence.
    claimed.setAside(bytes);
    // Marks behind a torn end would make it damage.
    if (contents.tornBytes > 0) file.cutTail();
    claimed.attempt(() =>
      claimed.endInterrupted((nonce, name) => deaths.get(nonce)?.(name) ?? interrupted(name)),
    );
    const nonce = nonceOf(sweepId, 0);
    if (failure) claimed.attempt(() => claimed.failRunnable(nonce, failure));
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

/** Opens a second descriptor. The lock belongs to the first, and closing this one keeps it (flock(2), fcntl(2)). */
function openForWriting(path: string, fd: number): number {
  const writable = openPatiently(path, WRITE_FLAGS);
  try {
    if (areSameFile(fd, writable)) return writable;
    throw new DeferredSweepError(
      'DEFERRED_STATE_IO',
      `cannot open ${path}: another file has its name now; find out what replaces files there`,
      { path },
    );
  } catch (error) {
    closeDescriptor(writable);
    throw error;
  }
}

/** Retires a file without a header: a torn one never had a function, a damaged one has no record that counts. */
function retireUnreadable(directory: StateDirectory, { path, bytes, contents }: ReadFile): FileReport {
  const { damagedBytes, tornBytes } = contents;
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
