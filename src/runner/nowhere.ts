/**
 * A working directory in which every relative name fails, `..` too. A removed directory would not do: its `..` still
 * works, and `rm('../x', { force: true })` would remove a stranger's file or report success.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';

/** Resolves when the working directory is such a place. */
export async function enterNowhere(): Promise<void> {
  if (isNowhere()) return;
  // When a process has ended, every lookup in its directory of /proc gives ESRCH.
  const child = spawn(process.execPath, ['-'], { env: {}, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.on('error', () => {});
  const gone = once(child, 'exit').catch(() => {});
  const isThere = unlessRefused(() => {
    process.chdir(`/proc/${child.pid}`);
    return true;
  }, false);
  child.kill('SIGKILL');
  await gone;
  if (!isThere || !isNowhere()) enterClosedDirectory();
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
