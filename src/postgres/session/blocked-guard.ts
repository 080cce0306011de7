/** Ends a process whose event loop a handler blocks: no timer of the main thread can, nor a signal that it listens to. */
import { writeSync } from 'node:fs';
import { printable } from '../../printable.ts';
import type { LimitedCall, ToThread } from './messages.ts';

/** How long the main thread may be late. */
const MARGIN_MS = 2000;

/**
 * Lives in the session thread, which no handler blocks. After a limit it asks the main thread for a word. One that answers
 * gives the handler up by itself, and is asked again as long as a handler may block it.
 */
export class BlockedGuard {
  readonly #killGraceMs: number;
  readonly #ask: () => void;
  /** Of the attempt in progress. */
  #current: LimitedCall | undefined;
  /** Given up, and still there: they may block at any time. */
  readonly #left: LimitedCall[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(killGraceMs: number, ask: () => void) {
    this.#killGraceMs = killGraceMs;
    this.#ask = ask;
  }

  /** The main thread is told to begin an attempt, or that there is none. A limit of 0 is none. */
  begun(call: LimitedCall | null): void {
    if (call === null) return;
    this.#current = call;
    // Step by step, as the main thread waits: after SIGSTOP both threads find one step over at once.
    this.#watch([call.timeoutMs, this.#killGraceMs]);
  }

  take(message: ToThread): void {
    switch (message.kind) {
      case 'call':
        // One of these two follows each attempt.
        if (message.name !== 'next' && message.name !== 'retire') return;
        this.#current = undefined;
        this.#watch([this.#killGraceMs]);
        break;
      case 'left':
        this.#left.push(message.call);
        break;
      case 'settled': {
        const index = this.#left.findIndex(({ handler }) => handler === message.call.handler);
        if (index >= 0) this.#left.splice(index, 1);
        break;
      }
      case 'here':
        this.#watch([this.#killGraceMs]);
        break;
    }
  }

  /** Asks after these steps, and ends the process where no answer comes within twice the margin. */
  #watch(steps: readonly number[]): void {
    clearTimeout(this.#timer);
    const suspects = [...(this.#current ? [this.#current] : []), ...this.#left];
    const [first] = suspects;
    if (first === undefined || first.timeoutMs === 0) return;
    this.#wait(steps, () => {
      this.#ask();
      this.#wait([MARGIN_MS, MARGIN_MS], () => {
        endProcess([...new Set(suspects.map(({ handler }) => handler))].join(' or '), first.timeoutMs);
      });
    });
  }

  #wait([ms, ...later]: readonly number[], then: () => void): void {
    if (ms === undefined) then();
    else this.#timer = setTimeout(() => this.#wait(later, then), ms).unref();
  }
}

function endProcess(what: string, timeoutMs: number): void {
  const text = `cannot stop ${what}: it blocks the event loop, long after its limit of ${timeoutMs} ms; this process is ended by SIGKILL, and the attempt counts`;
  try {
    // The stream of this thread needs the main one.
    writeSync(2, `deferred-sweep: ${printable(text)}\n`);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
