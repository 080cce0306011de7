/** How a runner claims a file that the sweeper named: `docs/protocol.md`, Run, steps 1 to 5. */
import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { unlockAndClose } from '../lock/close.ts';
import { namesLockedFile } from '../lock/held-file.ts';
import type { LockPatience } from '../lock/patience.ts';
import type { StateContents } from '../log/contents.ts';
import { replay } from '../log/replay.ts';
import { readAll } from '../state/file-io.ts';
import { openBeyondStandard, WRITE_FLAGS } from '../state/open-patiently.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { StateFile } from '../state/state-file.ts';
import { distrustFile, type Trust, unsafeFile } from '../trust/trust.ts';

/** By then the glance of another sweeper, or the lease of a lister (some microseconds), is over. */
const SECOND_TRY_MS = 3;
const TRIES = 5;

export interface Claimed {
  readonly file: StateFile;
  readonly contents: StateContents;
}

/** The file, locked. Undefined when it is gone or another process has it. Throws for a fault of the file. */
export async function claim(
  directory: StateDirectory,
  name: string,
  lock: LockScheme,
  patience: LockPatience,
): Promise<Claimed | undefined> {
  const path = directory.pathOf(name);
  for (let tries = 1; ; tries++) {
    const claimed = await tryClaim(path, lock, patience, directory.trust);
    if (claimed !== 'contended') return claimed;
    if (tries === TRIES) return undefined;
    await sleep(SECOND_TRY_MS);
  }
}

async function tryClaim(
  path: string,
  lock: LockScheme,
  patience: LockPatience,
  trust: Trust,
): Promise<Claimed | 'contended' | undefined> {
  let fd: number;
  try {
    fd = openBeyondStandard(path, WRITE_FLAGS);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    if (systemErrorCode(error) === 'EAGAIN') return 'contended';
    throw error;
  }
  let isKept = false;
  try {
    const distrust = distrustFile(fstatSync(fd), trust);
    if (distrust !== undefined) throw unsafeFile(path, distrust);
    if (!(await patience.tryLock(fd, { scheme: lock, path }))) return 'contended';
    if (!namesLockedFile(fd, path)) return undefined;
    const contents = replay(readAll(fd, path));
    const { header } = contents;
    // Damaged since the sweeper looked. Its next look keeps a copy and reports it.
    if (!header || (contents.damagedBytes > 0 && contents.pending().length === 0)) return undefined;
    if (header.lock !== lock && !(await patience.tryLock(fd, { scheme: header.lock, path })))
      return 'contended';
    const file = new StateFile(path, fd, header, contents.lengthBytes, contents.tornBytes > 0);
    isKept = true;
    return { file, contents };
  } finally {
    if (!isKept) unlockAndClose(fd);
  }
}
