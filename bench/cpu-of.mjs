/** Milliseconds of processor time that a process and its children have used: proc_pid_stat(5). */
import { readFileSync } from 'node:fs';

/** A tick of the clock of /proc. */
const TICK_MS = 10;

export function cpuOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  let ticks = 0;
  for (const one of [pid, ...children]) {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MS;
}
