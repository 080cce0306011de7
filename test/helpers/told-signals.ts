/** Signals as they are told: one decision again and again, or a second one. */
import type { ChildProcess } from 'node:child_process';
import { unlessRefused } from '#dist/errors.js';
import { until } from './until.ts';

/** One decision, as timeout(1) and npm tell it: again at once. Here so often that no moment is missed. */
const TOLD_FOR_MS = 150;
/** The pipe by which Node hears of its signals takes 4096, and Node drops what comes then: the second decision, too. */
const PAUSE_MS = 0.2;

export function tellAgainAtOnce(pid: number, signal: NodeJS.Signals): void {
  const endMs = performance.now() + TOLD_FOR_MS;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < endMs) {
    process.kill(pid, signal);
    Atomics.wait(cell, 0, 0, PAUSE_MS);
  }
}

/** Somebody who wants the end now, and says so until it has come. */
export async function insist(child: ChildProcess, signal: NodeJS.Signals, pid = child.pid!): Promise<void> {
  await until(`the end of ${pid}`, () => {
    if (child.exitCode !== null || child.signalCode !== null) return true;
    // As pid 1 it is gone before the program that waits for it.
    return unlessRefused(() => !process.kill(pid, signal), true, 'ESRCH');
  });
}
