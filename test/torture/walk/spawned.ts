import type { ChildProcess } from 'node:child_process';

/**
 * The child, or undefined where `spawn` threw as Node's does. Of some errors Node tells by an event instead, and so does ours.
 */
export function spawned(start: () => ChildProcess): ChildProcess | undefined {
  try {
    return start();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && error.syscall === 'spawn')) throw error;
    return undefined;
  }
}
