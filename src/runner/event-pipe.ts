/** The runner's end of the event pipe: what it says is in the pipe when it matters, and in few writes. */
import { writeSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { EVENT_FD, eventLine, type RunnerEvent } from './protocol.ts';

export class EventPipe {
  #held = '';

  /** Says it with the next {@link say}: before a function is called, or a file is removed. */
  hold(event: RunnerEvent): void {
    this.#held += eventLine(event);
  }

  /** Returns when it is in the pipe. */
  say(event: RunnerEvent): void {
    this.hold(event);
    this.flush();
  }

  /** Returns when all that was held is in the pipe. */
  flush(): void {
    if (this.#held === '') return;
    // A function may have left the beginning of a line there, which must not take ours with it.
    const text = `\n${this.#held}`;
    this.#held = '';
    try {
      writeAll(Buffer.from(text));
    } catch (error) {
      // The sweeper is gone: the marks in the file say the same.
      if (systemErrorCode(error) === 'EPIPE') return;
      // A function closed our descriptor, say. The sweeper waits for what it cannot be told: it starts another runner.
      console.error(error);
      process.exit(1);
    }
  }
}

function writeAll(bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(EVENT_FD, bytes, written);
}
