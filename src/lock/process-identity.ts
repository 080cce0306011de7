/** Identifies processes. A pid alone does not: it is used again, and means nothing in another namespace or host. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import types from 'node:util/types';
import { systemErrorCode, unlessRefused } from '../errors.ts';

export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  readonly bootId: string | null;
  readonly startTicks: number | null;
  readonly pidNamespace: string | null;
}

/** What the kernel says of a process in one line. Fields by their numbers in proc_pid_stat(5): 3, 4, 9, 20 and 22. */
export interface ProcessStat {
  /** `Z` is a zombie, `X` dead. */
  readonly state: string;
  readonly parent: number;
  /** The kernel's `PF_…`. */
  readonly flags: number;
  readonly threads: number;
  /** Clock ticks from boot to its start. */
  readonly startTicks: number;
}

let own: ProcessIdentity | undefined;

/** Of this process. The system is asked once per thread. */
export function ownIdentity(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    host: hostname(),
    bootId: readBootId() || null,
    startTicks: statOf(process.pid)?.startTicks ?? null,
    // Pids mean nothing in another. Null where there is no such thing.
    pidNamespace: unlessRefused(() => readlinkSync('/proc/self/ns/pid'), null),
  };
  return own;
}

/** Whether that is this boot; undefined if one of both is not known. */
export function isThisBoot(then: string | null): boolean | undefined {
  const now = ownIdentity().bootId;
  return now === null || then === null ? undefined : now === then;
}

/** Whether a process still lives. Undefined if this process cannot tell. */
export function isAlive(identity: ProcessIdentity): boolean | undefined {
  const here = ownIdentity();
  if (!isThisBoot(identity.bootId)) return undefined;
  if (identity.pidNamespace !== here.pidNamespace) return undefined;
  if (identity.pid === process.pid && identity.startTicks === here.startTicks) return true;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ESRCH') return false;
    // EPERM: a process of another user has the pid, perhaps the owner after setuid(2).
    if (code !== 'EPERM') return undefined;
  }
  const stat = statOf(identity.pid);
  if (stat && hasEnded(stat)) return false;
  if (identity.startTicks === null) return true;
  return stat && stat.startTicks === identity.startTicks;
}

/** Whether the process has ended: a zombie, unless it lives on in other threads than its first. */
export function hasEnded({ state, threads }: ProcessStat): boolean {
  return state === 'X' || (state === 'Z' && threads <= 1);
}

/** From the text of `/proc/PID/stat`. */
export function parseProcessStat(text: string): ProcessStat {
  // From the third field: the name before it, in parentheses, may itself contain anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    flags: Number(fields[6]),
    threads: Number(fields[17]),
    startTicks: Number(fields[19]),
  };
}

/** Undefined if the system does not tell, or not in the form that this reads. */
function statOf(pid: number): ProcessStat | undefined {
  const text = unlessRefused(() => readFileSync(`/proc/${pid}/stat`, 'latin1'), undefined);
  const stat = text === undefined ? undefined : parseProcessStat(text);
  return stat && Number.isFinite(stat.startTicks) ? stat : undefined;
}

/**
 * An identifier of this boot of the machine, the same for all its processes and containers: random(4) `boot_id` on Linux,
 * sysctl(3) `kern.bootsessionuuid` on macOS. Null or empty if unknown, as on other systems or without /proc.
 */
function readBootId(): string | null {
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
