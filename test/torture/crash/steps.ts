/** What a worker said it had done, and what must follow for whoever finds its disk. */

/** @property position - the length of the disk's log when the step was said to be done (`closing`: about to begin) */
export interface Step {
  readonly kind: 'registered' | 'closing' | 'closed';
  readonly ids: readonly number[];
  readonly position: number;
}

export interface Expectation {
  /** Registered, and not yet run by their own job: a sweep must run them. */
  readonly mustRun: ReadonlySet<number>;
  /** Run by their own job, which said so: no sweep may run them again. */
  readonly mustNotRun: ReadonlySet<number>;
}

/** What holds of a disk whose power was cut when its log had this length. */
export function expectAt(steps: readonly Step[], position: number): Expectation {
  const mustRun = new Set<number>();
  const mustNotRun = new Set<number>();
  for (const step of steps) {
    if (step.position > position) continue;
    for (const id of step.ids) {
      if (step.kind === 'registered') mustRun.add(id);
      else mustRun.delete(id);
      if (step.kind === 'closed') mustNotRun.add(id);
    }
  }
  return { mustRun, mustNotRun };
}
