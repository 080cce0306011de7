/** The runner's ends of its pipes. */
import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';
import { inodeOf } from '../lock/held-file.ts';
import { EVENT_FD, eventLine, markBytes, PIPE_BROKEN, type RunnerEvent } from './protocol.ts';

/** A descriptor that this process has since its start. A function may close it; then its number may be a file of the function's. */
export class OwnDescriptor {
  readonly fd: number;
  readonly #inode: string | undefined;

  constructor(fd: number) {
    this.fd = fd;
    this.#inode = inodeOf(fd);
  }

  get isOpen(): boolean {
    return this.#inode !== undefined && inodeOf(this.fd) === this.#inode;
  }
}

/** The event pipe. Lines are collected, and written before anything that could end the runner. */
export class EventPipe {
  readonly #pipe = new OwnDescriptor(EVENT_FD);
  /** See `Asked`. */
  turn = '';
  #held = '';
  #isBroken = false;

  /** Keeps the event for the next {@link say}, which comes before a function is called or a file removed. */
  hold(event: RunnerEvent): void {
    this.#held += eventLine(event, this.turn);
  }

  /** Returns when the event is in the pipe. */
  say(event: RunnerEvent): void {
    this.sayBeforeMark(event);
    if (this.#isBroken) process.exit(PIPE_BROKEN);
  }

  /** As {@link say}. The function's mark must follow, even if the pipe is broken: else the function would run again. */
  sayBeforeMark(event: RunnerEvent): void {
    this.hold(event);
    // A function may have left the beginning of a line there, which must not take ours with it.
    const text = `\n${this.#held}`;
    this.#held = '';
    if (!this.#isWhole) return;
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length; ) written += writeSync(EVENT_FD, bytes, written);
    } catch (error) {
      // The sweeper is gone. The marks in the file say the same.
      if (systemErrorCode(error) === 'EPIPE') return;
      console.error(error);
      this.#isBroken = true;
    }
  }

  /** The sweeper would wait for ever. After an exit it starts another runner. */
  exitIfBroken(): void {
    if (!this.#isWhole) process.exit(PIPE_BROKEN);
  }

  get #isWhole(): boolean {
    this.#isBroken ||= !this.#pipe.isOpen;
    return !this.#isBroken;
  }
}

/** How long a reader that stands still is waited for. */
const MOST_WAIT_MS = 1000;

/** Marks in what functions print. Events do not tell the sweeper whose output it reads: it reads them at other times. */
export class OutputMarks {
  readonly #mark: string;
  readonly #pipes = [process.stdout, process.stderr].map((stream, at) => ({
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
    for (const { stream, descriptor } of this.#pipes)
      while (!isMarked(stream, descriptor, bytes) && performance.now() < endMs) await setImmediate();
  }
}

/** False where what was printed before still waits in this process, or the pipe is full. */
function isMarked(stream: NodeJS.WriteStream, descriptor: OwnDescriptor, bytes: Buffer): boolean {
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
