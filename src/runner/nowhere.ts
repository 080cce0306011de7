/**
 * A working directory in which every relative name fails, `..` too. Not a removed directory: its `..` is still what it
 * was, and `rm('../x', { force: true })` would remove a stranger's file, or say that all is well.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';

/** Resolves when this process is there. */
export async function enterNowhere(): Promise<void> {
  if (isNowhere()) return;
  // A directory of /proc belongs to a process. When that has ended every lookup in it gives ESRCH.
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

/** Without /proc: a directory without a name, that only root could search. */
function enterClosedDirectory(): void {
  const parent = mkdtempSync(join(tmpdir(), 'deferred-sweep-'));
  const closed = join(parent, 'closed');
  mkdirSync(closed);
  process.chdir(closed);
  chmodSync(closed, 0);
  rmdirSync(closed);
  rmdirSync(parent);
}
