import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Options of a child: longer than this is a hang, however loaded the machine. */
export const bounded = { timeout: 600_000, killSignal: 'SIGABRT' } as const;

/** How a program ended, and what it said on its standard error. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs a program to its end, or to SIGABRT when it hangs. */
export async function runProgram(file: string, args: readonly string[]): Promise<Ended> {
  return await ended(spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], ...bounded }));
}

/** How a child ends whose standard error is a pipe. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stderr };
}
