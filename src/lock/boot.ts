import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import types from 'node:util/types';
import { systemErrorCode } from '../errors.ts';

let known: string | null | undefined;

/**
 * An identifier of this boot of the machine, the same for all its processes and containers: random(4) `boot_id` on Linux,
 * sysctl(3) `kern.bootsessionuuid` on macOS. Null if unknown, as on other systems or without /proc. The system is asked
 * once per thread.
 */
export function bootId(): string | null {
  if (known === undefined) known = read() || null;
  return known;
}

/** Whether that is this boot; undefined if one of both is not known. */
export function isThisBoot(then: string | null): boolean | undefined {
  const now = bootId();
  return now === null || then === null ? undefined : now === then;
}

function read(): string | null {
  try {
    switch (process.platform) {
      case 'linux':
        return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
      case 'darwin':
        // An absolute path, since a batch system's hook may have no PATH.
        return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
          encoding: 'latin1',
          stdio: ['ignore', 'pipe', 'ignore'],
        }).trim();
      default:
        return null;
    }
  } catch (error) {
    // A sandbox may mask /proc and programs. Callers are ready for null.
    const isFailedCommand = types.isNativeError(error) && 'status' in error;
    if (systemErrorCode(error) !== undefined || isFailedCommand) return null;
    throw error;
  }
}
