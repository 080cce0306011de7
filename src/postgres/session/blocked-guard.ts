/** Ends a process whose event loop a handler blocks: no timer of the main thread can, nor a signal that it listens to. */
import { writeSync } from 'node:fs';
import { printable } from '../../printable.ts';
import type { StartedAttempt } from './messages.ts';

/** How long the main thread may be late. */
const MARGIN_MS = 2000;

/** Lives in the session thread, which no handler blocks. */
export class BlockedGuard {
  readonly #killGraceMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(killGraceMs: number) {
    this.#killGraceMs = killGraceMs;
  }

  /**
   * The main thread is told to begin an attempt. It says a word when that has ended, or is given up after its limit and grace.
   * A limit of 0 is none.
   */
  begun(started: StartedAttempt | null): void {
    this.heard();
    if (started === null || started.timeoutMs === 0) return;
    const { handler, timeoutMs } = started;
    // As the main thread waits, step by step, then twice the margin: a process that was stopped (SIGSTOP) and goes on finds
    // one step over at once, in both threads.
    const steps = [timeoutMs, this.#killGraceMs, MARGIN_MS, MARGIN_MS];
    this.#wait(steps, () => endProcess(handler, timeoutMs));
  }

  #wait([ms, ...later]: readonly number[], end: () => void): void {
    if (ms === undefined) end();
    else this.#timer = setTimeout(() => this.#wait(later, end), ms);
  }

  /** Any word of the main thread shows that its event loop runs. */
  heard(): void {
    clearTimeout(this.#timer);
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
