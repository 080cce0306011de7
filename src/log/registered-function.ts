import type { CancelRecord, DeferRecord, DoneRecord, Mark, RetryRecord, StartRecord } from './records.ts';

export interface Attempt {
  readonly attempt: number;
  /** Absent only if a full disk had no room for it. */
  start?: StartRecord;
  /** Absent: the attempt is in progress, or its process died in it. */
  done?: DoneRecord;
  /** Where in the file its first mark begins. */
  readonly offset: number;
}

export class RegisteredFunction {
  readonly record: DeferRecord;
  isCancelled = false;
  /** Made for the first mark: most functions have none, and a file may hold hundreds of thousands. */
  #attempts: Map<number, Attempt> | undefined;
  #lastAttempt: Attempt | undefined;
  #highestAttempt = 0;
  #isFinal = false;
  /** What ended in a dead letter before this, oldest first: marks of attempts that count no more, and the retries after them. */
  history: readonly (Mark | RetryRecord)[] = [];

  constructor(record: DeferRecord) {
    this.record = record;
  }

  /** In the order of their first marks. */
  get attempts(): Attempt[] {
    return [...(this.#attempts?.values() ?? [])];
  }

  get attemptCount(): number {
    return this.#attempts?.size ?? 0;
  }

  /** True while the function may still run. */
  get isPending(): boolean {
    return !this.isCancelled && !this.#isFinal;
  }

  /** True while the function runs, and after its process died in it. */
  get isInProgress(): boolean {
    return this.#lastAttempt !== undefined && !this.#lastAttempt.done;
  }

  get lastAttempt(): Attempt | undefined {
    return this.#lastAttempt;
  }

  get nextAttempt(): number {
    return this.#highestAttempt + 1;
  }

  /** The history, and the marks of all attempts, oldest first. */
  get marks(): (Mark | RetryRecord)[] {
    const marks = this.attempts.flatMap(({ start, done }) => [
      ...(start ? [start] : []),
      ...(done ? [done] : []),
    ]);
    return [...this.history, ...marks];
  }

  apply(record: CancelRecord | RetryRecord | Mark, offset: number = Number.POSITIVE_INFINITY): void {
    if (record.kind === 'cancel') this.isCancelled = true;
    else if (record.kind === 'retry') this.#retry(record);
    else this.#mark(record, offset);
  }

  /** Begins anew, as a function that was never tried. */
  #retry(record: RetryRecord): void {
    this.history = [...this.marks, record];
    this.#attempts?.clear();
    this.#highestAttempt = 0;
    this.#lastAttempt = undefined;
    this.#isFinal = false;
  }

  /** Of several marks of one attempt the first start and the last done count. A final done mark is never replaced. */
  #mark(mark: Mark, offset: number): void {
    this.#attempts ??= new Map();
    let known = this.#attempts.get(mark.attempt);
    if (!known) {
      known = { attempt: mark.attempt, offset };
      this.#attempts.set(mark.attempt, known);
      this.#lastAttempt = known;
      this.#highestAttempt = Math.max(this.#highestAttempt, mark.attempt);
    }
    if (mark.kind === 'start') known.start ??= mark;
    else if (!known.done?.final) known.done = mark;
    if (mark.kind === 'done' && mark.final) this.#isFinal = true;
  }
}
