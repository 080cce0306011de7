import type { ChildProcess } from 'node:child_process';
import { signalGroup } from '../../native/process-signal.ts';
import { MARGIN_MS } from '../../runner/protocol.ts';

/** Ends the child's process group when its start or a function takes too long: SIGTERM, then SIGKILL. */
export class GroupKiller {
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** The limit that was exceeded, or undefined. */
  firedMs: number | undefined;
  /** The grace that the child got when its sweep was told to end, or undefined. */
  hurriedMs: number | undefined;

  constructor(child: ChildProcess, graceMs: number) {
    this.#child = child;
    this.#graceMs = graceMs;
  }

  /** @param timeoutMs - 0: never */
  arm(timeoutMs: number): void {
    if (this.hurriedMs !== undefined) return;
    this.disarm();
    this.firedMs = undefined;
    if (timeoutMs === 0) return;
    this.#timer = setTimeout(() => {
      this.firedMs = timeoutMs;
      this.#end();
    }, timeoutMs);
  }

  disarm(): void {
    if (this.hurriedMs === undefined) clearTimeout(this.#timer);
  }

  /** As if the limit were reached now, for good: no later limit counts. */
  hurry(): void {
    this.disarm();
    this.hurriedMs = this.#graceMs;
    this.#end();
  }

  /** The child is gone. */
  release(): void {
    clearTimeout(this.#timer);
  }

  #end(): void {
    this.#kill('SIGTERM');
    this.#timer = setTimeout(() => this.#kill('SIGKILL'), this.#graceMs + MARGIN_MS);
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    signalGroup(pid, signal);
  }
}
