/** Identifies processes. A pid alone does not: it is used again, and means nothing in another namespace or host. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { bootId, isThisBoot } from './boot.ts';
import { hasEnded, type ProcessStat, parseProcessStat } from './process-stat.ts';

/** The identity of a process in a state file's header. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  readonly bootId: string | null;
  readonly startTicks: number | null;
  readonly pidNamespace: string | null;
}

let own: ProcessIdentity | undefined;

/** The identity of this process. The system is asked once per thread. */
export function ownIdentity(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    host: hostname(),
    bootId: bootId(),
    startTicks: statOf(process.pid)?.startTicks ?? null,
    pidNamespace: pidNamespace(),
  };
  return own;
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

/** Undefined if the system does not tell, or not in the form that this reads. */
function statOf(pid: number): ProcessStat | undefined {
  const text = unlessRefused(() => readFileSync(`/proc/${pid}/stat`, 'latin1'), undefined);
  const stat = text === undefined ? undefined : parseProcessStat(text);
  return stat && Number.isFinite(stat.startTicks) ? stat : undefined;
}

/** The name of this process's PID namespace: pids mean nothing in another. Null where there is no such thing. */
export function pidNamespace(): string | null {
  return unlessRefused(() => readlinkSync('/proc/self/ns/pid'), null);
}
