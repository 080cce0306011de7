/** Where file systems are mounted. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseMounts } from '../lock/mounts.ts';

/**
 * The mount points this process sees, absolute, without symbolic links.
 * @throws Error of Node's shape where the system does not tell: without /proc on Linux
 */
export function mountPoints(): readonly string[] {
  if (process.platform === 'darwin') return fromMountProgram();
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')).map(({ mountPoint }) => mountPoint);
}

/** Lines such as `/dev/disk3s5 on /System/Volumes/Data (apfs, local)`. */
function fromMountProgram(): readonly string[] {
  // By its absolute path: a batch system's hook may have no PATH.
  const output = execFileSync('/sbin/mount', { encoding: 'utf8' });
  return [...output.matchAll(/ on (.+) \([^()]*\)$/gm)].map(match => match[1] ?? '');
}
