/** Which process is meant, and whether it lives: from /proc (Linux). */
import { readFileSync } from 'node:fs';
import { unlessRefused } from '#dist/errors.js';

/** A process, told apart from later ones with its number by its start time in clock ticks. */
export interface ProcessName {
  readonly pid: number;
  readonly start: string;
}

/** The kernel sets it before it closes a process's descriptors, and so before it drops their locks. */
const PF_EXITING = 0x4;

/** The fields of /proc/PID/stat behind the name, which may itself contain spaces: proc(5). From the third, the state. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // Gone, before the open (ENOENT) or after it (ESRCH).
    return undefined;
  }
}

export function nameProcess(pid: number): ProcessName {
  return { pid, start: statOf(pid)?.[19] ?? '' };
}

export const thisProcess: ProcessName = nameProcess(process.pid);

/** True also for a stopped process; false for one that is about to end, whose descriptors may be closed already. */
export function isAlive({ pid, start }: ProcessName): boolean {
  const stat = statOf(pid);
  if (!stat || stat[19] !== start) return false;
  return !['Z', 'X'].includes(stat[0] ?? '') && (Number(stat[6]) & PF_EXITING) === 0;
}

/** The children of the main thread of a process; none of one that is gone. */
export function childrenOf(pid: number): number[] {
  const text = unlessRefused(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** Whether a process runs this program, or one of those in this directory. */
export function runsOneOf(programs: string, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(programs);
  } catch {
    return false;
  }
}
