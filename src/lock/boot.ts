import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import { systemErrorCode } from '../errors.ts';

let known: string | null | undefined;

/**
 * An identifier that is the same for every process of this boot of the machine (containers included) and differs
 * after the next: random(4) `boot_id` on Linux, sysctl(3) `kern.bootsessionuuid` on macOS. Null where unknown, as
 * on other systems or without /proc. Asked of the system once per thread.
 */
export function bootId(): string | null {
  if (known === undefined) known = read() || null;
  return known;
}

function read(): string | null {
  try {
    switch (process.platform) {
      case 'linux':
        return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
      case 'darwin':
        // By its absolute path: a batch system's hook may have no PATH.
        return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
          encoding: 'latin1',
          stdio: ['ignore', 'pipe', 'ignore'],
        }).trim();
      default:
        return null;
    }
  } catch (error) {
    // Unknown is an answer callers must be ready for anyway; /proc and programs may be masked in a sandbox.
    if (systemErrorCode(error) !== undefined || isFailedCommand(error)) return null;
    throw error;
  }
}

/** What execFileSync throws for a program that ran and failed. */
function isFailedCommand(error: unknown): boolean {
  return types.isNativeError(error) && 'status' in error;
}
