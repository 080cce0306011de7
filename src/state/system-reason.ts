import { systemErrorCode } from '../errors.ts';
import { describeErrno } from '../lock/system-error.ts';

/** What to do, by the code of a system error. It is safe to follow. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'use a directory that belongs to this user, or run as the user it belongs to'],
  ['EBUSY', 'see whether something is mounted there (findmnt)'],
  ['EDQUOT', 'free space within the quota, or use another file system'],
  ['EFBIG', 'raise the limit of file sizes (ulimit -f)'],
  ['ELOOP', 'use a path without a circle of symbolic links'],
  ['EMFILE', 'close descriptors, or raise the limit of open files (ulimit -n)'],
  ['ENAMETOOLONG', 'use a shorter path'],
  ['ENOSPC', 'free space or inodes there, or use another file system'],
  ['ENOTDIR', 'name a directory, not a file or what would be below one'],
  ['EPERM', 'see who owns it, and whether it or its directory is immutable (lsattr)'],
  // Not to mount it anew: the kernel may have found it damaged.
  ['EROFS', 'see why (findmnt, dmesg), or use a directory on another file system'],
  ['EXDEV', 'have both on one file system: see what is mounted there (findmnt)'],
]);

const ADVICE_ON_PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'see whether this user may run it (ls -l), and whether files may be run there (findmnt)'],
  ['EAGAIN', 'raise the limit of processes (ulimit -u)'],
  ['EMFILE', ADVICE.get('EMFILE')!],
  ['ENOENT', 'install it, or give its path; of a script see what its first line names'],
]);

/** Why the system refused, in words, with the code and what to do. The caller names the path. */
export function systemReason(error: unknown): string {
  return reasonOf(error, ADVICE);
}

/** As {@link systemReason}, of a program that cannot be started. */
export function programReason(error: unknown): string {
  return reasonOf(error, ADVICE_ON_PROGRAMS);
}

/** A reason behind the file or program that the error names: for messages that do not name it. */
export function withPath(error: unknown, reason: string): string {
  const path = systemErrorCode(error) === undefined ? undefined : (error as NodeJS.ErrnoException).path;
  return path === undefined ? reason : `${path}: ${reason}`;
}

function reasonOf(error: unknown, adviceOn: ReadonlyMap<string, string>): string {
  const code = systemErrorCode(error);
  if (code === undefined) return String(error);
  const { errno } = error as NodeJS.ErrnoException;
  const words = errno === undefined ? undefined : describeErrno(-errno)[1];
  const advice = adviceOn.get(code);
  const reason = words === undefined ? code : `${words} (${code})`;
  return advice === undefined ? reason : `${reason}; ${advice}`;
}
