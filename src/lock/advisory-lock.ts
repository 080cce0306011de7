import { DeferredSweepError } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import { shown } from '../printable.ts';
import { nativeAddon, nativeMode, nativeScheme } from './native.ts';
import { toSystemError } from './system-error.ts';

/**
 * Which whole-file advisory lock: `flock` is flock(2), `ofd` is fcntl(2) `F_OFD_SETLK` over all bytes. Both belong
 * to the open file description, so closing another descriptor of the file keeps them. On a local file system
 * the two do not see each other; `docs/locking.md` has the guarantees per system and file system.
 */
export type LockScheme = 'flock' | 'ofd';

/** How to lock. */
export interface LockOptions {
  /**
   * True: a shared lock, which admits other shared locks. With `ofd`, the descriptor must be open for reading if this is
   * true, and for writing if not.
   * @defaultValue false
   */
  shared?: boolean | undefined;
  /** @defaultValue 'flock' */
  scheme?: LockScheme | undefined;
}

/** How to unlock. */
export interface UnlockOptions {
  /** The scheme the lock was taken with. @defaultValue 'flock' */
  scheme?: LockScheme | undefined;
}

/**
 * Takes an advisory lock on the whole file, without waiting. True if the open file description of `fd` holds it now. False
 * means contended: another open file description holds a lock that excludes this one.
 *
 * The lock lasts until {@link unlock}, or until the last descriptor of this open file description is closed, also
 * by the death of the process. A child that inherited the descriptor keeps it. Locking again converts the lock
 * between shared and exclusive; if that is contended, a `flock` lock may have been lost, an `ofd` lock is kept
 * (flock(2): the conversion is not atomic).
 *
 * @param fd - an open descriptor; it stays the caller's
 * @throws TypeError, RangeError for wrong arguments
 * @throws DeferredSweepError `DEFERRED_UNSUPPORTED` if the kernel or file system has no such lock,
 *   `DEFERRED_ADDON_MISSING` if the native addon cannot be loaded
 * @throws Error of Node's shape (`code`, `errno`, `syscall`) for other errors of the system call: `EBADF`,
 *   and `EIO`, `ENOLCK`, `ESTALE` from network file systems that may answer better a moment later
 */
export function tryLock(fd: number, options: LockOptions = {}): boolean {
  checkDescriptor(fd);
  requireKnown(options, ['shared', 'scheme']);
  return takeLock(fd, options);
}

/** As {@link tryLock} for callers of this package, whose descriptor is open: a sweep asks for the lock of each file. */
export function takeLock(fd: number, { shared = false, scheme = 'flock' }: LockOptions): boolean {
  if (typeof shared !== 'boolean') {
    throw new TypeError(`option "shared" must be a boolean, got ${shown(shared)}`);
  }
  return apply(fd, shared ? nativeMode.shared : nativeMode.exclusive, scheme);
}

/**
 * Gives up the lock of this scheme that the open file description of `fd` holds, if any. Closing the descriptor does the
 * same, unless another process or descriptor shares the description.
 *
 * @throws as {@link tryLock}
 */
export function unlock(fd: number, options: UnlockOptions = {}): void {
  checkDescriptor(fd);
  requireKnown(options, ['scheme']);
  const { scheme = 'flock' } = options;
  apply(fd, nativeMode.unlock, scheme);
}

function apply(fd: number, mode: (typeof nativeMode)[keyof typeof nativeMode], scheme: LockScheme): boolean {
  if (scheme !== 'flock' && scheme !== 'ofd') {
    throw new TypeError(`option "scheme" must be 'flock' or 'ofd', got ${shown(scheme)}`);
  }
  const result = nativeAddon().setFileLock(fd, mode, nativeScheme[scheme]);
  if (typeof result === 'boolean') return result;

  const cause = toSystemError(result);
  if (!isUnsupported(cause.code)) throw cause;
  throw new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot lock descriptor ${fd} with ${scheme}: neither every kernel nor every file system has this lock; ` +
      `use ${scheme === 'ofd' ? "scheme 'flock'" : 'a local file system'}`,
    { cause },
  );
}

/**
 * A kernel without F_OFD_SETLK answers EINVAL (Linux before 3.15, macOS), and so do both kernels for a file that cannot be
 * locked. File systems answer EOPNOTSUPP (ENOTSUP) or ENOSYS.
 */
function isUnsupported(code: string): boolean {
  return code === 'EINVAL' || code === 'EOPNOTSUPP' || code === 'ENOTSUP' || code === 'ENOSYS';
}

function checkDescriptor(fd: number): void {
  if (typeof fd !== 'number') throw new TypeError(`"fd" must be a number, got ${shown(fd)}`);
  if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff) {
    throw new RangeError(`"fd" must be an integer from 0 to 2147483647, got ${fd}`);
  }
}
