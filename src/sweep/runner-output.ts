/** What functions print in a runner. */
import type { ChildProcess } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';

/** Copies the output of functions to standard error, as fast as that takes it. Failures to copy are ignored. */
export function copyOutput(child: ChildProcess): void {
  for (const output of [child.stdout, child.stderr]) {
    output
      ?.on('error', () => {})
      .on('data', (chunk: Buffer) => {
        if (writeSome(chunk)) return;
        output.pause();
        setTimeout(() => output.resume(), FULL_PIPE_MS).unref();
      });
  }
}

const FULL_PIPE_MS = 10;

/** False if standard error is a full pipe. The rest of this chunk is dropped. */
function writeSome(chunk: Buffer): boolean {
  try {
    writeSync(2, chunk);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    // Closed, or its reader is gone: no reader misses it.
    return systemErrorCode(error) !== 'EAGAIN';
  }
}

/**
 * Resolves when all output of an ended process was read from these pipes. The end of a pipe may never come: another
 * process may have it. But all data lies in the pipe, so a whole turn of the event loop without data means: all read.
 */
export async function allRead(pipes: readonly (Readable | null | undefined)[]): Promise<void> {
  let hasFound = true;
  const find = (): void => {
    hasFound = true;
  };
  for (const pipe of pipes) pipe?.on('data', find);
  while (hasFound && pipes.some(pipe => pipe && !pipe.readableEnded && !pipe.destroyed)) {
    hasFound = false;
    // This turn may have looked at the pipe already, so wait for the next one to end.
    await setImmediate();
    await setImmediate();
  }
  for (const pipe of pipes) pipe?.off('data', find);
}
