import { epochMs } from '../log/clock.ts';
import { isOfSweep } from '../log/nonce.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import { type RetryOverrides, type Verdict, verdictOn } from '../log/retry-policy.ts';
import { monotonicMs } from '../stop.ts';

/** Which functions of a file a claim must leave, since they had their attempt. */
export interface TurnLimits {
  /** Functions with a mark of this sweep were tried in it already. */
  readonly sweepId?: string;
  /** The file's length when the sweeper looked. A function with a mark behind it was just tried by another sweep. */
  readonly seenBytes?: number;
  /** When the sweep began, on the clock of `monotonicMs`: functions that others tried since wait as well. */
  readonly sweptAtMs?: number;
  /** The last function that a runner of this sweep began. A full disk may have taken no mark of it, nor of those before. */
  readonly lastBegun?: number | undefined;
}

/** Which functions may run now. One attempt a sweep: this sweep, or another one beside it, may have tried them. */
export class Turn {
  readonly #overrides: RetryOverrides;
  readonly #limits: TurnLimits;

  constructor(overrides: RetryOverrides, limits: TurnLimits) {
    this.#overrides = overrides;
    this.#limits = limits;
  }

  /** True for the nonce of a process of this sweep. */
  isOurs(nonce: string): boolean {
    const { sweepId } = this.#limits;
    return sweepId !== undefined && isOfSweep(nonce, sweepId);
  }

  wasTried(registered: RegisteredFunction): boolean {
    return registered.attempts.some(({ start }) => start !== undefined && this.isOurs(start.nonce));
  }

  /** What this sweep may have tried although it has no mark of it: all, in their order, until the last that was begun. */
  triedUnmarked(pending: readonly RegisteredFunction[]): readonly RegisteredFunction[] {
    const last = pending.findIndex(({ record }) => record.id === this.#limits.lastBegun);
    return pending.slice(0, last + 1).filter(registered => !this.wasTried(registered));
  }

  /** Of two sweeps that looked at the same time, the second leaves what the first has tried. */
  wasTriedByOthers({ lastAttempt }: RegisteredFunction): boolean {
    const { seenBytes, sweptAtMs } = this.#limits;
    if (!lastAttempt) return false;
    if (seenBytes !== undefined && lastAttempt.offset >= seenBytes) return true;
    if (sweptAtMs === undefined) return false;
    // The clock of marks may have been set since: then the function was tried at no time of this sweep.
    const agoMs = epochMs() - (lastAttempt.start?.atEpochMs ?? 0);
    // One more: marks have whole milliseconds.
    return agoMs >= 0 && agoMs + 1 <= monotonicMs() - sweptAtMs;
  }

  verdict(registered: RegisteredFunction): Verdict {
    return verdictOn(registered, this.#overrides, epochMs());
  }

  isDue(registered: RegisteredFunction): boolean {
    return !this.wasTriedByOthers(registered) && this.verdict(registered).kind === 'run';
  }

  /** When the first of these may be tried again; undefined if none waits. */
  retryInMs(pending: readonly RegisteredFunction[]): number | undefined {
    let least: number | undefined;
    for (const registered of pending) {
      const verdict = this.verdict(registered);
      const isLeft = verdict.kind === 'run' && this.wasTriedByOthers(registered);
      const forMs = verdict.kind === 'wait' ? verdict.forMs : isLeft ? 0 : undefined;
      if (forMs !== undefined) least = Math.min(least ?? Number.POSITIVE_INFINITY, forMs);
    }
    return least;
  }
}
