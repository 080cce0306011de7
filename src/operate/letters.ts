/**
 * Dead letters are given fresh attempts, or removed. Numbers in the code are these steps; a process that is killed between
 * two of them leaves the function in one place.
 *
 *  1. open the letter, look at it as a sweeper would
 *  2. lock it: another `retry` or `discard` loses here
 *  3. does the path still name what was locked? The other one may have been faster
 *  4. is the function still pending in its state file? Its sweep was killed; the next one writes the letter again
 *  5. discard: unlink. Retry: append a `retry` record; make it durable. In `dead/` it is still a letter, and run by none
 *  6. retry: rename it to a fresh name among the state files. From then on it is an orphan like any other
 */
import { fdatasyncSync, fstatSync, renameSync, unlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DeferredSweepError, systemErrorCode } from '../errors.ts';
import { tryLock } from '../lock/advisory-lock.ts';
import { closeDescriptor, unlockAndClose } from '../lock/close.ts';
import { namesLockedFile } from '../lock/held-file.ts';
import { epochMs } from '../log/clock.ts';
import type { StateContents } from '../log/contents.ts';
import type { ReportedError } from '../log/records.ts';
import { replay } from '../log/replay.ts';
import { reportError } from '../report/reported-error.ts';
import { readAll, stateIo, syncDirectory } from '../state/file-io.ts';
import { freshName, partsOfName } from '../state/names.ts';
import { openPatiently, READ_FLAGS, WRITE_FLAGS } from '../state/open-patiently.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { StateFile } from '../state/state-file.ts';
import { distrustFile, notOpened, unsafeFile } from '../trust/trust.ts';

/** What became of a letter, as {@link LetterReport} says it. An error: it is done, and a power cut may undo it. */
export type LetterFate =
  | { readonly outcome: 'retried'; readonly newPath: string; readonly error?: ReportedError }
  | { readonly outcome: 'discarded'; readonly error?: ReportedError }
  | { readonly outcome: 'busy' | 'gone' };

/** @throws DeferredSweepError: the letter is where it was */
export function retryLetter(directory: StateDirectory, path: string): LetterFate {
  return withLetter('retry', directory, path, (fd, contents) => {
    const { header, damagedBytes } = contents;
    if (!header || damagedBytes > 0 || partsOfName(basename(path))?.functionId === undefined)
      throw new DeferredSweepError(
        'DEFERRED_STATE_CORRUPT',
        `cannot retry ${path}: it is damaged, or the copy of a damaged file, whose whole records were run; look at it with show, then discard it`,
        { path },
      );
    const file = new StateFile(path, fd, header, contents.lengthBytes, contents.tornBytes > 0);
    const ended = [...contents.functions.values()].filter(registered => !registered.isPending);
    // None: a retry was killed after this step.
    if (ended.length > 0) {
      const atEpochMs = epochMs();
      file.append(ended.map(({ record }) => ({ kind: 'retry', id: record.id, atEpochMs }) as const)); // 5
    } else if (contents.tornBytes > 0) file.cutTail();
    // Without its last record a power cut would leave a state file in which nothing is pending.
    fdatasyncSync(fd);
    const newPath = directory.pathOf(freshName());
    renameSync(path, newPath); // 6
    return { outcome: 'retried', newPath, ...notDurable(path, directory.path, dirname(path)) };
  });
}

/** @throws DeferredSweepError: the letter is where it was */
export function discardLetter(directory: StateDirectory, path: string): LetterFate {
  return withLetter('discard', directory, path, () => {
    unlinkSync(path); // 5
    return { outcome: 'discarded', ...notDurable(path, dirname(path)) };
  });
}

/** Makes it durable that a letter is gone from its place; the error where that cannot be done. */
function notDurable(path: string, ...directories: readonly string[]): { readonly error?: ReportedError } {
  try {
    stateIo(`make it durable that ${path} is gone`, path, () => directories.forEach(syncDirectory));
    return {};
  } catch (error) {
    if (!(error instanceof DeferredSweepError)) throw error;
    return { error: reportError(error) };
  }
}

function withLetter(
  verb: string,
  directory: StateDirectory,
  path: string,
  use: (fd: number, contents: StateContents) => LetterFate,
): LetterFate {
  return stateIo(`${verb} ${path}`, path, () => {
    const fd = openUnlessGone(path, WRITE_FLAGS); // 1
    if (fd === undefined) return { outcome: 'gone' };
    let isLocked = false;
    try {
      const distrust = distrustFile(fstatSync(fd), directory.trust);
      if (distrust !== undefined) throw unsafeFile(path, distrust);
      const scheme = replay(readAll(fd, path)).header?.lock ?? 'flock';
      isLocked = tryLock(fd, { scheme }); // 2
      if (!isLocked) return { outcome: 'busy' };
      if (!namesLockedFile(fd, path)) return { outcome: 'gone' }; // 3
      if (isPendingIn(directory, basename(path))) return { outcome: 'busy' }; // 4
      return use(fd, replay(readAll(fd, path)));
    } finally {
      if (isLocked) unlockAndClose(fd);
      else closeDescriptor(fd);
    }
  });
}

function openUnlessGone(path: string, flags: number): number | undefined {
  try {
    return openPatiently(path, flags);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw notOpened(path, error);
  }
}

/**
 * Whether the function of a letter may still run from the state file that it came from: a sweep that wrote the letter was
 * killed before it could say so there. What was final once is so for ever: no lock is needed to read it.
 */
function isPendingIn(directory: StateDirectory, letterName: string): boolean {
  const functionId = partsOfName(letterName)?.functionId;
  if (functionId === undefined) return false;
  const path = directory.pathOf(letterName.slice(0, letterName.lastIndexOf('-')));
  // What is wrong with it is not the letter's.
  const fd = stateIo(`read ${path}`, path, () => openUnlessGone(path, READ_FLAGS));
  if (fd === undefined) return false;
  try {
    return replay(readAll(fd, path)).functions.get(functionId)?.isPending === true;
  } finally {
    closeDescriptor(fd);
  }
}
