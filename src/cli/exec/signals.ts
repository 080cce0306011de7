/** Signals to the wrapper are meant for the program. */
import { dieOf } from '../../job/die-of.ts';
import { isFromKernel, keepSignalOrigin } from '../../native/signal-origin.ts';
import { say } from '../output/output.ts';

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;
/** Of these, the ones that have keys. A hangup goes to the leader of the session alone, which may be this process. */
const TYPED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** Passes signals on, but for what was typed on a terminal: its whole foreground process group has got it. */
export class SignalRelay {
  /** The first signal that came while there was nothing to pass it on to. */
  first: NodeJS.Signals | undefined;
  readonly #listener = (signal: NodeJS.Signals): void => this.#pass(signal);
  #target: ((signal: NodeJS.Signals) => void) | undefined;
  #isLeaving = false;

  constructor() {
    for (const signal of FORWARDED) {
      process.on(signal, this.#listener);
      if (TYPED.includes(signal)) keepSignalOrigin(signal);
    }
  }

  /** From now on signals go to the program. */
  relay(target: (signal: NodeJS.Signals) => void): void {
    this.#target = target;
  }

  /** The program has ended. The first signal lets the cleanup go on; the second ends this process at once. */
  startCleanup(): void {
    this.#target = undefined;
    this.#isLeaving = true;
    this.first = undefined;
  }

  /** Signals have their usual effect again. */
  stop(): void {
    for (const signal of FORWARDED) process.removeListener(signal, this.#listener);
  }

  #pass(signal: NodeJS.Signals): void {
    if (this.#target !== undefined) {
      if (!TYPED.includes(signal) || !isFromKernel(signal)) this.#target(signal);
      return;
    }
    const isSecond = this.first !== undefined;
    this.first ??= signal;
    if (!this.#isLeaving) return;
    say(
      isSecond
        ? 'left the rest to the next sweep'
        : 'cleaning up; a second signal leaves it to the next sweep',
    );
    if (isSecond) process.exit(dieOf(signal));
  }
}
