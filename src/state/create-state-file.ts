/**
 * How an owner gets a state file of its own: `docs/protocol.md`, Create. The code has the numbers of these steps.
 *
 *  1. make the directory, check the way to it
 *  2. open `<name>.tmp`, which must not exist; check it as a sweeper would
 *  3. lock it
 *  4. does the path still name the locked file?
 *  5. write the header
 *  6. rename to `<name>`; is the directory still the one of step 1?
 *
 * Racers: a sweeper that finds the `.tmp` between 2 and 3 takes it for a dead creator's. It locks it (3 is contended) and
 * unlinks it (seen at 4, or as ENOENT at 6). A cleanup may remove the empty directory before 2 (ENOENT at 2). A creator
 * that loses starts over with a new name. A sweeper never runs a `.tmp`, and the other name appears only under the lock.
 */
import { randomBytes } from 'node:crypto';
import { constants, fstatSync, renameSync, unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeferredSweepError, hasCode, isLockUndecided, systemErrorCode, unlessRefused } from '../errors.ts';
import { tryLock } from '../lock/advisory-lock.ts';
import { closeDescriptor } from '../lock/close.ts';
import { namesLockedFile } from '../lock/held-file.ts';
import { ownIdentity } from '../lock/process-identity.ts';
import { assertLocksExclude } from '../lock/self-test.ts';
import { epochMs } from '../log/clock.ts';
import { FORMAT_VERSION, type HeaderRecord, type Place } from '../log/records.ts';
import { describeMode, distrustFile } from '../trust/trust.ts';
import { FILE_MODE, setFileMode } from './file-io.ts';
import { freshName, WIP_SUFFIX } from './names.ts';
import { openBeyondStandard } from './open-patiently.ts';
import { startOfNow } from './runner-start.ts';
import type { StateDirectory } from './state-directory.ts';
import { StateFile } from './state-file.ts';
import { systemReason } from './system-reason.ts';

/** Races in a row that a creator may lose. Each needs a sweep at the same instant, so this many do not happen. */
const MAX_RACES = 1000;
/** Pauses for a sick file server: from 50 ms, doubling, some six seconds in all. */
const FIRST_DELAY_MS = 50;
const LAST_DELAY_MS = 3200;
const CREATE_FLAGS =
  constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW;

/** What goes into the header. */
export interface StateFileSettings extends Pick<HeaderRecord, 'lock' | 'durability' | 'order' | 'label'> {
  /** @defaultValue the working directory */
  readonly cwd?: Place | null;
  /** Whether a file that Node's options name is the program. The runner is not to load that. */
  readonly isProgram?: (path: string) => boolean;
}

/** As {@link createStateFileNow}, but waits for a file server that cannot lock now. */
export async function createStateFile(
  directory: StateDirectory,
  settings: StateFileSettings,
): Promise<StateFile> {
  for (let delayMs = FIRST_DELAY_MS; ; delayMs *= 2) {
    try {
      return createStateFileNow(directory, settings);
    } catch (error) {
      if (!hasCode(error, 'DEFERRED_LOCK_FAILED') || delayMs > LAST_DELAY_MS) throw error;
      await sleep(delayMs);
    }
  }
}

/**
 * Creates a state file, locked and without functions.
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`, `DEFERRED_UNSAFE_FILE`, `DEFERRED_LOCK_INEFFECTIVE`,
 * `DEFERRED_LOCK_FAILED`, `DEFERRED_STATE_IO`
 */
export function createStateFileNow(directory: StateDirectory, settings: StateFileSettings): StateFile {
  for (let race = 0; race < MAX_RACES; race++) {
    const file = tryCreate(directory, settings);
    if (file) return file;
  }
  throw new DeferredSweepError(
    'DEFERRED_STATE_IO',
    `cannot create a state file in ${directory.path}: it was removed ${MAX_RACES} times while being set up; see what deletes files there`,
    { path: directory.path },
  );
}

function tryCreate(directory: StateDirectory, settings: StateFileSettings): StateFile | undefined {
  const header = describeOwner(settings);
  const path = directory.pathOf(freshName());
  const unfinished = path + WIP_SUFFIX;
  let fd: number | undefined;
  let current = unfinished;
  try {
    directory.ensure(); // 1
    fd = openBeyondStandard(unfinished, CREATE_FLAGS, FILE_MODE); // 2
    setFileMode(fd);
    assertBelievable(fd, unfinished, directory);
    const isHeld =
      tryLock(fd, { scheme: settings.lock }) && // 3: contended by a sweeper that took us for dead
      namesLockedFile(fd, unfinished); // 4: unlinked by a sweeper that was faster
    if (!isHeld) {
      closeDescriptor(fd);
      return undefined;
    }
    assertLocksExclude(fd, unfinished, settings.lock);
    const file = new StateFile(path, fd, header, 0);
    file.append([header]); // 5
    renameSync(unfinished, path); // 6
    current = path;
    // This user or root may have removed the directory, and another user have made it anew. The next try reports that.
    if (!directory.isUnchanged()) {
      abandon(fd, current);
      return undefined;
    }
    if (settings.durability === 'disk') directory.sync();
    return file;
  } catch (error) {
    if (fd !== undefined) abandon(fd, current);
    // A cleanup removed the directory, or a sweep the file. No function is in it yet.
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    if (error instanceof DeferredSweepError) throw error;
    const code = isLockUndecided(error) ? 'DEFERRED_LOCK_FAILED' : 'DEFERRED_STATE_IO';
    const message = `cannot create a state file in ${directory.path}: ${systemReason(error)}`;
    throw new DeferredSweepError(code, message, { path: directory.path, cause: error });
  }
}

/** Throws if sweepers will not read this file: some file systems show modes or owners of their own. */
function assertBelievable(fd: number, path: string, directory: StateDirectory): void {
  const distrust = distrustFile(fstatSync(fd), directory.trust);
  if (distrust === undefined) return;
  throw new DeferredSweepError(
    'DEFERRED_UNSAFE_FILE',
    `cannot keep state files in ${directory.path}: of a file just made there with ${describeMode({ mode: FILE_MODE })}, ${distrust}; use a directory on a file system that keeps owners and modes`,
    { path },
  );
}

/** Unlinks under the lock, as a sweeper would. Where that fails, the next sweep removes the file: it has no functions. */
function abandon(fd: number, path: string): void {
  unlessRefused(() => unlinkSync(path), undefined);
  closeDescriptor(fd);
}

function describeOwner({ isProgram, ...settings }: StateFileSettings): HeaderRecord {
  const now = epochMs();
  return {
    kind: 'header',
    version: FORMAT_VERSION,
    salt: randomBytes(8),
    ...settings,
    owner: {
      ...ownIdentity(),
      // A clock that was set back, or a test's clock, may give a start before 1970.
      startedAtEpochMs: Math.max(0, Math.round(now - process.uptime() * 1000)),
    },
    createdAtEpochMs: now,
    ...startOfNow(isProgram),
    ...(settings.cwd !== undefined && { cwd: settings.cwd }),
  };
}
