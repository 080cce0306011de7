/** The runner's end of the event pipe. Lines are collected, and written before anything that could end the runner. */
import { writeSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { OwnDescriptor } from './own-descriptor.ts';
import { EVENT_FD, eventLine, PIPE_BROKEN, type RunnerEvent } from './protocol.ts';

export class EventPipe {
  readonly #pipe = new OwnDescriptor(EVENT_FD);
  /** See `Work.turn`. */
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

  /**
   * As {@link say}, for what became of a function. Its mark is not written yet, and must be even if the pipe is broken:
   * without it the function would run again. {@link exitIfBroken} comes after the mark.
   */
  sayBeforeMark(event: RunnerEvent): void {
    this.hold(event);
    // A function may have left the beginning of a line there, which must not take ours with it.
    const text = `\n${this.#held}`;
    this.#held = '';
    if (!this.#isWhole) return;
    try {
      writeAll(Buffer.from(text));
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

function writeAll(bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(EVENT_FD, bytes, written);
}
