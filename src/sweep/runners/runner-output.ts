/** The pipes of a runner: what functions print is copied, and all that an ended runner wrote is read. */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { wholeTurn } from '../../event-loop.ts';
import type { SweepListener } from '../listener.ts';
import { LabelledOutput } from './labelled-output.ts';
import { writeSome } from './standard-error.ts';

/**
 * Copies the output of functions to a listener, or to standard error, as fast as that takes it. Failures to copy are ignored.
 * Returns what gives the listener the rest.
 */
export function copyOutput(
  child: ChildProcess,
  mark: string | undefined,
  listener: SweepListener | undefined,
): () => void {
  const outputs = [child.stdout, child.stderr].map(output => ({
    output,
    labelled:
      listener && mark !== undefined
        ? new LabelledOutput(mark, (name, lines) => listener.printed(name, lines))
        : undefined,
  }));
  for (const { output, labelled } of outputs)
    output
      ?.on('error', () => {})
      .on('data', (chunk: Buffer) => {
        if (labelled ? labelled.read(chunk) : writeSome(chunk)) return;
        output.pause();
        setTimeout(() => output.resume(), FULL_PIPE_MS).unref();
      });
  return () => {
    for (const { labelled } of outputs) labelled?.end();
  };
}

const FULL_PIPE_MS = 10;

/** What a user may have a pipe hold: pipe(7), /proc/sys/fs/pipe-max-size. */
const MOST_IN_A_PIPE_BYTES = 1024 * 1024;

/**
 * Resolves when all output of an ended process was read from these pipes. The end of a pipe may never come: another
 * process may have it. But all data lies in the pipe, so a whole turn of the event loop without data means: all read. So
 * does more data than pipes hold: another process writes it.
 */
export async function allRead(pipes: readonly (Readable | null | undefined)[]): Promise<void> {
  let hasFound = true;
  let foundBytes = 0;
  const find = (chunk: Buffer): void => {
    hasFound = true;
    foundBytes += chunk.length;
  };
  for (const pipe of pipes) pipe?.on('data', find);
  const isLeft = (): boolean => hasFound && foundBytes <= pipes.length * MOST_IN_A_PIPE_BYTES;
  while (isLeft() && pipes.some(pipe => pipe && !pipe.readableEnded && !pipe.destroyed)) {
    hasFound = false;
    await wholeTurn();
  }
  for (const pipe of pipes) pipe?.off('data', find);
}
