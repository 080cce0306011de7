/** Processes that are to be ended: each opened once, so that no signal reaches a later one of its number. */
import { setTimeout } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';
import { currentInvocation } from '../function/current-invocation.ts';
import { openSignalTarget, type SignalTarget } from '../native/process-signal.ts';
import { isAlive, type ProcessEntry } from '../native/process-table.ts';

/** How long processes may take to end of SIGKILL: one that waits for a disk does not end before it has it. */
export const KILLED_WITHIN_MS = 10_000;

/** Not to be used after `close`. */
export class ProcessGroup {
  readonly #members = new Map<string, { readonly entry: ProcessEntry; readonly target: SignalTarget }>();
  /** What the system refused, by pid: processes of another user. */
  readonly refused: Map<number, string> = new Map();

  /** Adds those that live and are not in it yet. Returns them. */
  add(entries: readonly ProcessEntry[]): readonly ProcessEntry[] {
    return entries.filter(entry => {
      const key = `${entry.pid}:${entry.start}`;
      if (this.#members.has(key)) return false;
      const target = openSignalTarget(entry.pid, () => isAlive(entry));
      // Asked after the target was opened: it is this process's for good.
      if (target === undefined || !isAlive(entry)) {
        target?.close();
        return false;
      }
      this.#members.set(key, { entry, target });
      return true;
    });
  }

  has({ pid, start }: ProcessEntry): boolean {
    return this.#members.has(`${pid}:${start}`);
  }

  /** Sends a signal to those of the entries that are in it. */
  send(signal: NodeJS.Signals, entries: readonly ProcessEntry[] = this.living()): void {
    for (const { pid, start } of entries) {
      try {
        this.#members.get(`${pid}:${start}`)?.target.send(signal);
      } catch (error) {
        const code = systemErrorCode(error);
        if (code === undefined) throw error;
        this.refused.set(pid, code);
      }
    }
  }

  /** Asks all to end. True when they have; false when the grace, or the time of this function, is over. */
  async terminate(signal: NodeJS.Signals, graceMs: number, look?: () => Promise<void>): Promise<boolean> {
    this.send(signal);
    // A stopped process ends of nothing but SIGKILL.
    this.send('SIGCONT');
    return this.hasEnded(graceMs, currentInvocation()?.signal, look);
  }

  living(): readonly ProcessEntry[] {
    return [...this.#members.values()].map(({ entry }) => entry).filter(isAlive);
  }

  /** True when all have ended; false when that takes longer, or the signal is aborted. @param look - called after each pause */
  async hasEnded(withinMs: number, signal?: AbortSignal, look?: () => Promise<void>): Promise<boolean> {
    const untilMs = performance.now() + withinMs;
    for (let pauseMs = 1; this.living().length > 0; pauseMs = Math.min(2 * pauseMs, 100)) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal?.aborted) return false;
      await setTimeout(Math.min(pauseMs, leftMs));
      await look?.();
    }
    return true;
  }

  close(): void {
    for (const { target } of this.#members.values()) target.close();
    this.#members.clear();
  }
}
