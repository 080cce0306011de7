/** Where file systems are mounted. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The mount points this process sees, absolute, without symbolic links.
 * @throws Error of Node's shape where the system does not tell: without /proc on Linux
 */
export function mountPoints(): readonly string[] {
  if (process.platform === 'darwin') return fromMountProgram();
  // The fifth field; white space and backslashes in it are octal: proc_pid_mountinfo(5).
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => unescapeOctal(line.split(' ')[4] ?? ''));
}

function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Lines such as `/dev/disk3s5 on /System/Volumes/Data (apfs, local)`. */
function fromMountProgram(): readonly string[] {
  // By its absolute path: a batch system's hook may have no PATH.
  const output = execFileSync('/sbin/mount', { encoding: 'utf8' });
  return [...output.matchAll(/ on (.+) \([^()]*\)$/gm)].map(match => match[1] ?? '');
}
