/** The runner's end of the event pipe. Lines are collected, and written before anything that could end the runner. */
import { writeSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { EVENT_FD, eventLine, type RunnerEvent } from './protocol.ts';

export class EventPipe {
  #held = '';

  /** Keeps the event for the next {@link say}, which comes before a function is called or a file removed. */
  hold(event: RunnerEvent): void {
    this.#held += eventLine(event);
  }

  /** Returns when the event is in the pipe. */
  say(event: RunnerEvent): void {
    this.hold(event);
    this.flush();
  }

  /** Returns when all held events are in the pipe. */
  flush(): void {
    if (this.#held === '') return;
    // A function may have left the beginning of a line there, which must not take ours with it.
    const text = `\n${this.#held}`;
    this.#held = '';
    try {
      writeAll(Buffer.from(text));
    } catch (error) {
      // The sweeper is gone. The marks in the file say the same.
      if (systemErrorCode(error) === 'EPIPE') return;
      // A function may have closed our descriptor. Exit: the sweeper would wait for ever, and now starts another runner.
      console.error(error);
      process.exit(1);
    }
  }
}

function writeAll(bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(EVENT_FD, bytes, written);
}
