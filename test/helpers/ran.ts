/** A module whose functions say with what they were called: what a sweep in this process really ran. */
import { appendFileSync } from 'node:fs';
import { encodeFrame } from '#dist/log/frame.js';

const calls: unknown[][] = [];

export function note(...args: unknown[]): void {
  calls.push(args);
}

/** The calls since the last time this was asked. */
export function takeCalls(): unknown[][] {
  return calls.splice(0);
}

/** Ends the process that runs it as a death in mid-write would: with the beginning of a record at the end of the file. */
export function tear(path: string, when: 'at once' | 'afterwards'): void {
  const die = (): void => {
    appendFileSync(path, encodeFrame(Buffer.alloc(100)).subarray(0, 20));
    process.kill(process.pid, 'SIGKILL');
  };
  if (when === 'at once') die();
  else setImmediate(die);
}
