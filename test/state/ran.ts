/** A module whose function says with what it was called: what a sweep in this process really ran. */
const calls: unknown[][] = [];

export function note(...args: unknown[]): void {
  calls.push(args);
}

/** The calls since the last time this was asked. */
export function takeCalls(): unknown[][] {
  return calls.splice(0);
}
