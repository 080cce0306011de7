import { existsSync } from 'node:fs';

/** At most, so that no process of a test that failed stays blocked. */
const LIMIT_MS = 180_000;

/** Blocks the event loop of this thread until the file is there. Takes no CPU time from others. */
export function blockUntil(path: string): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const endMs = performance.now() + LIMIT_MS;
  while (!existsSync(path) && performance.now() < endMs) Atomics.wait(cell, 0, 0, 20);
}
