import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

/** Out of the way of a script's own `exec 3<file`, of those that bash chooses (from 10), and of `flock 99`. */
const LOWEST = 100;
/** Where the limit of open files is that low. */
const LOWEST_UNDER_LIMIT = 10;

/**
 * What `start` returns; the program that it starts, synchronously, inherits an open file description, and with it the
 * lock, under a number from 100. A program gets it by no other way: Node's `stdio` would put it at 3, where scripts put
 * their own.
 * @throws Error of Node's shape (EMFILE)
 */
export function withInherited<T>(fd: number, start: () => T): T {
  const { duplicateInheritable } = nativeAddon();
  let outcome = duplicateInheritable(fd, LOWEST);
  if (isFailure(outcome) && outcome.errno === constants.errno.EINVAL)
    outcome = duplicateInheritable(fd, LOWEST_UNDER_LIMIT);
  const duplicate = succeeded(outcome);
  try {
    return start();
  } finally {
    closeSync(duplicate);
  }
}
