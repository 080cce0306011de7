/** Runs the functions of one owner, at the end of its own job or after a take-over, and lets go of it. */
import { randomUUID } from 'node:crypto';
import { type CallSettled, callWithLimit } from '../function/call-function.ts';
import { ownIdentity } from '../lock/process-identity.ts';
import { outcomeOf } from '../report/report.ts';
import { reportError } from '../report/reported-error.ts';
import { traceInvoke } from '../report/tracing.ts';
import { listOf, restore } from '../value/decode.ts';
import type { ResolvedClusterOptions } from './options.ts';
import { type Ownership, watchOwnership } from './ownership.ts';
import { type FunctionReport, type OwnerReport, ownerId, type ReportedError } from './report.ts';
import type { Buried, Calls, EndedAttempt, Fate, StartedAttempt } from './session/messages.ts';
import { CallFailure, type Session } from './session/session.ts';

/** An owner whose lock our session holds. */
export interface HeldOwner {
  readonly key: string;
  readonly epoch: number;
  readonly owner: NonNullable<OwnerReport['owner']>;
  readonly label: string | null;
  readonly isOrphaned: boolean;
}

export function runnerName(): string {
  const { host, pid } = ownIdentity();
  return `${host}:${pid}`;
}

/** @throws what is no failure of a call */
export function failureOf(thrown: unknown): ReportedError {
  if (!(thrown instanceof CallFailure)) throw thrown;
  return { ...thrown.failure.error, name: 'DeferredSweepError', code: 'DEFERRED_DATABASE' };
}

/** Null where the handler returned. */
function errorOf(settled: CallSettled): ReportedError | null {
  return 'error' in settled ? reportError(settled.error) : null;
}

interface Ran {
  readonly started: StartedAttempt;
  readonly ms: number;
  readonly ended: EndedAttempt;
}

export class OwnerRun {
  readonly #reports: FunctionReport[] = [];
  #isLost = false;
  readonly #session: Session;
  readonly #options: ResolvedClusterOptions;
  readonly #held: HeldOwner;
  #ownership: Ownership;

  constructor(session: Session, options: ResolvedClusterOptions, held: HeldOwner) {
    this.#session = session;
    this.#options = options;
    this.#held = held;
    this.#ownership = watchOwnership(session, held.key);
  }

  /** Runs each once and retires the owner. Never rejects. */
  async run(stop: AbortSignal | undefined): Promise<OwnerReport> {
    const { key, owner, label } = this.#held;
    let error: ReportedError | undefined;
    let pending = 0;
    let limitMs = this.#options.callTimeoutMs;
    try {
      await this.#all(stop);
    } catch (thrown) {
      error = failureOf(thrown);
      // A server that did not answer is not waited for twice. The session lets go of the owner as soon as it can.
      if (thrown instanceof CallFailure && thrown.failure.reason !== 'statement') limitMs = 0;
    }
    try {
      // Also after a failure: what cannot be run here must not wait for the end of this process.
      const { value, mayBeDone } = await this.#session.call('retire', { key }, limitMs);
      if (value !== null) pending = value;
      else if (!mayBeDone) this.#isLost = true;
    } catch (thrown) {
      error ??= failureOf(thrown);
    }
    const { lost } = this.#ownership;
    this.#ownership[Symbol.dispose]();
    // Stopped short because the connection was away, and still ours after all.
    if (pending > 0 && lost.aborted && !this.#isLost) error ??= reportError(lost.reason);
    return {
      id: ownerId(key),
      outcome: error ? 'refused' : this.#isLost ? 'lost' : 'ran',
      owner,
      ...(label !== null && { label }),
      functions: this.#reports,
      pending,
      ...(error && { error }),
    };
  }

  async #all(stop: AbortSignal | undefined): Promise<void> {
    let last: Ran | null = null;
    for (;;) {
      if (stop?.aborted || this.#ownership.lost.aborted) {
        if (last) this.#report(last, await this.#orReport(last, this.#end(last.ended)));
        return;
      }
      const next = this.#next(last?.ended ?? null);
      const { fate, standing, started, buried } = await this.#orReport(last, next);
      if (last && fate) this.#report(last, fate);
      for (const given of buried) this.#reportBuried(given);
      if (standing === 'fenced') this.#isLost = true;
      if (started === null) return;
      // The server has just said that it is ours, however long that was unsure before.
      this.#ownership[Symbol.dispose]();
      this.#ownership = watchOwnership(this.#session, this.#held.key);
      last = await this.#attempt(started);
    }
  }

  /** What was run is told also where the server does not take it: it may be run again. */
  async #orReport<T>(last: Ran | null, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (last) this.#report(last, await this.#endAlone(last, error));
      throw error;
    }
  }

  /** The start of the next function may be what the server refused, as on a full disk: with it, it has undone the end. */
  async #endAlone({ ended }: Ran, refused: unknown): Promise<Fate> {
    if (!(refused instanceof CallFailure) || refused.failure.reason !== 'statement') return 'late';
    try {
      return await this.#end(ended);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      return 'late'; // what was refused first is told
    }
  }

  #after: number | null = null;

  async #next(ended: EndedAttempt | null): Promise<Calls['next']['answer']> {
    const { callTimeoutMs, handlers, retryDelayMs } = this.#options;
    const request = {
      key: this.#held.key,
      ended,
      call: randomUUID(),
      runner: runnerName(),
      handlers: Object.keys(handlers),
      after: this.#after,
      retryDelayMs,
    };
    const { value } = await this.#session.call('next', request, callTimeoutMs);
    if (value.started !== null) this.#after = value.started.id;
    return value;
  }

  async #end(ended: EndedAttempt): Promise<Fate> {
    const { callTimeoutMs, retryDelayMs } = this.#options;
    const request = { key: this.#held.key, ended, retryDelayMs };
    return (await this.#session.call('end', request, callTimeoutMs)).value;
  }

  async #attempt(started: StartedAttempt): Promise<Ran> {
    const { key, epoch, owner, isOrphaned } = this.#held;
    const { handlers, killGraceMs, pool } = this.#options;
    const { id, handler: name, attempt, registeredAt, timeoutMs } = started;
    const traced = traceInvoke({ path: `postgres:${pool}/${ownerId(key)}`, name, attempt });
    const known = { attempt, registeredAt, orphaned: isOrphaned, owner, fence: epoch };
    const limits = { timeoutMs, killGraceMs, lost: this.#ownership.lost };
    const startMs = performance.now();
    const run = (): unknown => handlers[name]!(...listOf(restore(started.arguments)));
    const call = await callWithLimit(name, known, limits, run);
    const ms = performance.now() - startMs;
    const error = errorOf(call);
    traced(error ?? undefined);
    if (call.isHung) void this.#settleLate(call.settled, started);
    return { started, ms, ended: { id, attempt, error } };
  }

  /** A handler that was given up goes on in this process. It may succeed after all, and need not run again then. */
  async #settleLate(settled: Promise<CallSettled>, started: StartedAttempt): Promise<void> {
    const { id, attempt } = started;
    this.#session.tell('left', started);
    const error = errorOf(await settled);
    this.#session.tell('settled', started);
    if (error !== null) return;
    try {
      await this.#end({ id, attempt, error });
    } catch (refused) {
      // It runs once more, as it would if it had not settled.
      this.#options.logger.warn(
        `deferred-sweep: ${this.#idOf(id)} ended late, which could not be stored: ${reportError(refused).message}`,
      );
    }
  }

  #report({ started: { id, handler, attempt }, ms, ended: { error } }: Ran, fate: Fate): void {
    this.#reports.push({
      id,
      name: handler,
      outcome: outcomeOf(error ?? undefined),
      attempt,
      ms: Math.round(ms),
      ...(error && { error }),
      ...(fate === 'buried' && { deadLetter: this.#idOf(id) }),
    });
  }

  #reportBuried({ id, handler, attempt, error }: Buried): void {
    const deadLetter = this.#idOf(id);
    this.#reports.push({ id, name: handler, outcome: 'skipped', attempt, ms: 0, error, deadLetter });
  }

  #idOf(id: number): string {
    return `${ownerId(this.#held.key)}.${id}`;
  }
}
