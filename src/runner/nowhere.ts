/**
 * A working directory in which every relative name fails, `..` too. A removed directory would not do: its `..` still
 * works, and `rm('../x', { force: true })` would remove a stranger's file or report success.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

/** Makes the working directory such a place. @throws Error of Node's shape */
export function enterNowhere(): void {
  if (isNowhere() || enterEndedProcess()) return;
  enterClosedDirectory();
}

/** When a process has ended, every lookup in its directory of /proc gives ESRCH. False where there is none. */
function enterEndedProcess(): boolean {
  const { startWaitingProcess, endWaitingProcess } = nativeAddon();
  const pid = startWaitingProcess();
  if (isFailure(pid)) return false;
  try {
    return unlessRefused(() => {
      process.chdir(`/proc/${pid}`);
      return true;
    }, false);
  } finally {
    succeeded(endWaitingProcess(pid));
  }
}

function isNowhere(): boolean {
  try {
    statSync('.');
    return false;
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH';
  }
}

/** Without /proc: a nameless directory of mode 0, which only root could search. */
function enterClosedDirectory(): void {
  const parent = mkdtempSync(join(tmpdir(), 'deferred-sweep-'));
  const closed = join(parent, 'closed');
  mkdirSync(closed);
  process.chdir(closed);
  chmodSync(closed, 0);
  rmdirSync(closed);
  rmdirSync(parent);
}
