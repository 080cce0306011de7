/** The runner's end of the event pipe. Lines are collected, and written before anything that could end the runner. */
import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { systemErrorCode } from '../errors.ts';
import { EVENT_FD, eventLine, type RunnerEvent } from './protocol.ts';

/** A line wakes the sweeper, which costs more than most functions. So what nobody waits for comes with what comes then. */
const SOON_MS = 2;
/** When nothing comes: later than {@link SOON_MS}, so that in a row of functions this timer is not needed. */
const LATEST_MS = 5;

/** A function begins. */
type Begun = Extract<RunnerEvent, { kind: 'start' }>;

export class EventPipe {
  #held = '';
  /** The limit of the function that began last, if nothing was heard since. */
  #begunMs: number | undefined;
  /** The same, of what was said: the sweeper keeps this time. */
  #timedMs: number | undefined;
  #soonEndsAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Says it with the next event, or soon. A function may keep the event loop from that. */
  hold(event: RunnerEvent): void {
    this.#add(event);
    this.#timer ??= setTimeout(() => this.flush(), LATEST_MS).unref();
  }

  /**
   * Says that a function begins. If the sweeper keeps the same time for one that began a moment ago, it is enough to hold
   * it: should this one never end, that time is up a moment earlier.
   */
  begin(event: Begun): void {
    const isTimed = event.timeoutMs === this.#timedMs && performance.now() < this.#soonEndsAtMs;
    this.hold(event);
    if (!isTimed) this.flush();
  }

  /** Returns when the event is in the pipe. */
  say(event: RunnerEvent): void {
    this.#add(event);
    this.flush();
  }

  /** Returns when all held events are in the pipe. */
  flush(): void {
    if (this.#held === '') return;
    // A function may have left the beginning of a line there, which must not take ours with it.
    const text = `\n${this.#held}`;
    this.#held = '';
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timedMs = this.#begunMs;
    this.#soonEndsAtMs = performance.now() + SOON_MS;
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

  #add(event: RunnerEvent): void {
    this.#held += eventLine(event);
    this.#begunMs = event.kind === 'start' ? event.timeoutMs : undefined;
  }
}

function writeAll(bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(EVENT_FD, bytes, written);
}
