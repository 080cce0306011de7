/** Signals to the wrapper are meant for the program. */
import { dieOf } from '../../job/die-of.ts';
import { afterEcho, ignoreEchoAtEnd, SignalCount } from '../../job/second-signal.ts';
import { isFromKernel, keepSignalOrigin } from '../../native/own-process.ts';
import { HURRY } from '../../stop.ts';
import { say } from '../output/output.ts';

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;
/** Of these, the ones that have keys. A hangup goes to the leader of the session alone, which may be this process. */
const TYPED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** Passes signals on, but for what was typed on a terminal: its whole foreground process group has got it. */
export class SignalRelay {
  readonly #listener = (signal: NodeJS.Signals): void => this.#pass(signal);
  #target: ((signal: NodeJS.Signals) => void) | undefined;
  #isEarly = true;
  readonly #early = new AbortController();
  /** Of signals that came while there was nothing to pass them on to. */
  readonly #told = new SignalCount();
  /** A signal that has come may be told again. */
  #hasCome = false;
  #isStopped = false;

  constructor() {
    for (const signal of FORWARDED) {
      process.on(signal, this.#listener);
      if (TYPED.includes(signal)) keepSignalOrigin(signal);
    }
  }

  /** The first signal that came while there was nothing to pass it on to. */
  get first(): NodeJS.Signals | undefined {
    return this.#told.first;
  }

  /** Aborted by a signal that comes before there is a program: by SIGINT as a sweep is, by others for it to hurry. */
  get early(): AbortSignal {
    return this.#early.signal;
  }

  /** From now on signals go to the program. */
  relay(target: (signal: NodeJS.Signals) => void): void {
    this.#isEarly = false;
    this.#target = target;
  }

  /** There is no program any more. The first signal lets the cleanup go on; the second ends this process at once. */
  startCleanup(): void {
    this.#target = undefined;
    this.#isEarly = false;
  }

  /** Signals have their usual effect again, as soon as one that came just now has been told for the last time. */
  stop(): void {
    this.#isStopped = true;
    const forget = (): void => {
      for (const signal of FORWARDED) process.removeListener(signal, this.#listener);
    };
    if (this.#hasCome) {
      ignoreEchoAtEnd();
      afterEcho(forget);
    } else forget();
  }

  #pass(signal: NodeJS.Signals): void {
    // All is done.
    if (this.#isStopped) return;
    this.#hasCome = true;
    if (this.#target !== undefined) {
      if (!TYPED.includes(signal) || !isFromKernel(signal)) this.#target(signal);
      return;
    }
    const count = this.#told.count(signal);
    if (count === 0) return;
    if (count === 2) {
      say('left the rest to the next sweep');
      process.exit(dieOf(signal));
    }
    const doing = this.#isEarly ? 'the program will not begin' : 'cleaning up';
    say(`${doing}; a second signal leaves the rest to the next sweep`);
    if (this.#isEarly) this.#early.abort(signal === 'SIGINT' ? undefined : HURRY);
  }
}
