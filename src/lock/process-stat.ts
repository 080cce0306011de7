/** What the kernel says of a process in one line: proc_pid_stat(5). */

/** Fields by their numbers in the man page: 3, 4, 9, 20 and 22. */
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

/** Whether the process has ended: a zombie, unless it lives on in other threads than its first. */
export function hasEnded({ state, threads }: ProcessStat): boolean {
  return state === 'X' || (state === 'Z' && threads <= 1);
}

/** @param text - of `/proc/PID/stat` */
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
