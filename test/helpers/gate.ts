import { spawnSync } from 'node:child_process';
import { closeSync, open } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Call } from './calls.ts';

/** A FIFO, such as one that a function with `do: 'wait-for-fifo'` waits at. */
export function makeGate(root: string): string {
  const fifo = join(root, 'gate');
  const { status, stderr } = spawnSync('mkfifo', [fifo], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot make a FIFO: ${stderr}`);
  return fifo;
}

/** Functions behind the one at the gate: so many that they cannot all be done before word to stop has arrived. */
export function queueAt(fifo: string, length = 2000): { calls: Call[]; lines: string[] } {
  const texts = Array.from({ length }, (_, number) => String(number));
  return {
    calls: [
      { do: 'wait-for-fifo', text: 'gate', fifo },
      ...texts.map(text => ({ do: 'append', text }) as const),
    ],
    lines: ['gate', 'gate-end', ...texts],
  };
}

const openFile = promisify(open);

/** Resolves when a function has come to the gate; what it resolves to lets the function through. */
export async function arrivalAt(fifo: string): Promise<() => Promise<void>> {
  // open(2) for writing returns when somebody has opened the FIFO for reading. A number, since Node ends a test in which a
  // forgotten FileHandle is collected.
  const fd = await openFile(fifo, 'w');
  return async () => closeSync(fd);
}
