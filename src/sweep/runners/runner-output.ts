/** The pipes of a runner: what functions print is copied, and all that an ended runner wrote is read. */
import type { ChildProcess } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemErrorCode } from '../../errors.ts';
import { wholeTurn } from '../../event-loop.ts';
import { markBytes } from '../../runner/protocol.ts';
import type { SweepListener } from '../listener.ts';

/** Copies what functions print, to a listener or to standard error, as fast as that takes it. Returns what copies the rest. */
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
 * Resolves when all output of an ended process was read. The end of a pipe may never come: another process may have it. But
 * its data lies in the pipe. So a whole turn of the event loop without any means: all read. More than pipes hold is another's.
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

/** A line that is longer comes in pieces. */
const MAX_LINE_BYTES = 64 * 1024;
/** A mark with the name of a function is shorter. */
const MAX_MARK_BYTES = 4 * 1024;
const LINE_END = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Takes what a runner prints apart by function, at the marks of `runner/pipes.ts`. */
export class LabelledOutput {
  readonly #mark: Buffer;
  readonly #onLines: (name: string | undefined, lines: Buffer) => boolean;
  #name: string | undefined;
  /** The beginning of a line. */
  #rest: Buffer = NOTHING;

  /** @param onLines - given whole lines of one function, or the end of its output */
  constructor(mark: string, onLines: (name: string | undefined, lines: Buffer) => boolean) {
    this.#mark = markBytes(mark);
    this.#onLines = onLines;
  }

  /** Returns false if a listener did. */
  read(chunk: Buffer): boolean {
    let isTaken = true;
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (let at = bytes.indexOf(this.#mark); at !== -1; at = bytes.indexOf(this.#mark)) {
      const end = bytes.indexOf(LINE_END, at);
      if (end === -1) break;
      isTaken = this.#give(bytes.subarray(0, at)) && isTaken;
      this.#name = bytes.toString('utf8', at + this.#mark.length, end);
      bytes = bytes.subarray(end + 1);
    }
    const whole = bytes.lastIndexOf(LINE_END) + 1;
    isTaken = this.#give(bytes.subarray(0, whole)) && isTaken;
    const rest = bytes.subarray(whole);
    const piece = rest.length > MAX_LINE_BYTES ? rest.subarray(0, rest.length - markedBytes(rest)) : NOTHING;
    isTaken = this.#give(piece) && isTaken;
    this.#rest = Buffer.from(rest.subarray(piece.length));
    return isTaken;
  }

  /** Gives what is there of the last line. */
  end(): void {
    this.#give(this.#rest);
    this.#rest = NOTHING;
  }

  #give(lines: Buffer): boolean {
    return lines.length === 0 || this.#onLines(this.#name, lines);
  }
}

/** How many bytes at the end may be the beginning of a mark. */
function markedBytes(rest: Buffer): number {
  const at = rest.lastIndexOf(0);
  return at < 0 || rest.length - at > MAX_MARK_BYTES ? 0 : rest.length - at;
}

/** How long a full pipe is waited for. A reader that stands still is not waited for again before it reads. */
const MOST_WAIT_MS = 100;
const STEP_MS = 5;

const sleeping = new Int32Array(new SharedArrayBuffer(4));
let isStuck = false;

/** False if standard error is a full pipe that its reader leaves full. The rest of this chunk is dropped. */
export function writeSome(chunk: Buffer): boolean {
  let waitedMs = 0;
  for (let left = chunk; left.length > 0; ) {
    const count = tryWrite(left);
    // No reader misses it.
    if (count === 'closed') return true;
    if (count > 0) {
      isStuck = false;
      left = left.subarray(count);
    } else if (isStuck || waitedMs >= MOST_WAIT_MS) {
      isStuck = true;
      return false;
    } else {
      waitedMs += STEP_MS;
      Atomics.wait(sleeping, 0, 0, STEP_MS);
    }
  }
  return true;
}

/** How many bytes a write(2) took: all of a file or terminal, what there is room for of a pipe. */
function tryWrite(bytes: Buffer): number | 'closed' {
  try {
    return writeSync(2, bytes);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return systemErrorCode(error) === 'EAGAIN' ? 0 : 'closed';
  }
}
