/**
 * Marks in what functions print. Only in the pipe itself can the sweeper tell where the output of one function ends and that
 * of the next begins: the event pipe is read at other times.
 */
import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';
import { OwnDescriptor } from './own-descriptor.ts';

/** The bytes before a function's name; a line end comes after it. @param mark - random, so that no output has it */
export function markBytes(mark: string): Buffer {
  return Buffer.from(`\0${mark}:`, 'latin1');
}

/** How long a reader that stands still is waited for. */
const MOST_WAIT_MS = 1000;

export class OutputMarks {
  readonly #mark: string;
  readonly #pipes: readonly Pipe[] = [process.stdout, process.stderr].map((stream, at) => ({
    stream,
    descriptor: new OwnDescriptor(at + 1),
  }));

  constructor(mark: string) {
    this.#mark = mark;
  }

  /** From here on the output is this function's. Output that cannot be marked is taken for the one before. */
  async begin(name: string): Promise<void> {
    const bytes = Buffer.concat([markBytes(this.#mark), Buffer.from(`${name.replaceAll('\n', ' ')}\n`)]);
    const endMs = performance.now() + MOST_WAIT_MS;
    for (const pipe of this.#pipes)
      while (!isMarked(pipe, bytes) && performance.now() < endMs) await setImmediate();
  }
}

interface Pipe {
  readonly stream: NodeJS.WriteStream;
  readonly descriptor: OwnDescriptor;
}

/** False where what was printed before still waits in this process, or the pipe is full. */
function isMarked({ stream, descriptor }: Pipe, bytes: Buffer): boolean {
  if (!descriptor.isOpen) return true;
  if (stream.writableLength > 0) return false;
  try {
    writeSync(descriptor.fd, bytes);
    return true;
  } catch (error) {
    // Another error does not go away.
    return systemErrorCode(error) !== 'EAGAIN';
  }
}
