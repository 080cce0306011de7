/**
 * A signal told twice is one decision: timeout(1) sends it to a program and to its group, npm passes on what the terminal
 * has sent. A program that means a second one takes longer, and so does a hand.
 */

/** From a signal to the last time that it is told. */
const ECHO_MS = 250;

/** Calls `isOver` when a signal that comes now has been told for the last time. */
export function afterEcho(isOver: () => void): void {
  // What came while a function kept the event loop is told behind the timers, and before this.
  setTimeout(() => setImmediate(isOver), ECHO_MS).unref();
}

/**
 * At the end of its environment Node gives signals their usual effect, in the middle of its own end: one that is told again
 * then would end this process. After this its end has no such part.
 */
export function ignoreEchoAtEnd(): void {
  process.once('exit', code => process.exit(code));
}

/** Tells the first signal told twice from a second one. */
export class SignalCount {
  #first: NodeJS.Signals | undefined;
  #isEchoOver = false;

  get first(): NodeJS.Signals | undefined {
    return this.#first;
  }

  /** Whether a signal that has come is the first (1), the first told again (0), or a second one (2). */
  count(signal: NodeJS.Signals): 0 | 1 | 2 {
    if (this.#first !== undefined) return signal === this.#first && !this.#isEchoOver ? 0 : 2;
    this.#first = signal;
    afterEcho(() => {
      this.#isEchoOver = true;
    });
    return 1;
  }
}
