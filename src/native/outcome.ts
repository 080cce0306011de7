import type { NativeFailure } from '../lock/native.ts';
import { toSystemError } from '../lock/system-error.ts';

/**
 * What the addon returned.
 * @throws Error of Node's shape when it returned a failure
 */
export function succeeded<T extends number | boolean | object>(outcome: T | NativeFailure): T {
  if (isFailure(outcome)) throw toSystemError(outcome);
  return outcome;
}

/** Whether the addon returned a failure: an errno, and the system call it came from. */
export function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'errno' in outcome;
}
