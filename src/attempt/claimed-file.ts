/** A locked state file whose functions the owner or a runner runs, or whose attempts a sweeper ends. */
import { epochMs } from '../log/clock.ts';
import type { StateContents } from '../log/contents.ts';
import type { DoneRecord, Mark, ReportedError } from '../log/records.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import type { RetryOverrides } from '../log/retry-policy.ts';
import {
  type FileReport,
  type FunctionReport,
  outcomeOf,
  outcomeOfFile,
  type RunNote,
} from '../report/report.ts';
import { reportError } from '../report/reported-error.ts';
import { traceInvoke } from '../report/tracing.ts';
import { copyDamaged, letterPath, writeDeadLetter } from '../state/dead-letter.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import type { StateFile } from '../state/state-file.ts';
import { nextStart, noRoomForMarks } from './run-attempt.ts';
import { Turn, type TurnLimits } from './turn.ts';

export class ClaimedFile {
  readonly file: StateFile;
  contents: StateContents;
  readonly #directory: StateDirectory;
  readonly #turn: Turn;
  /** Ids of functions that were run or given up here, at most once each. */
  readonly #handled = new Set<number>();
  /** Of functions that were given up without a run here. */
  readonly #skipped = new Set<number>();
  readonly buried: number[] = [];
  readonly #notes = new Map<number, readonly RunNote[]>();
  /** By id: ends the trace of a running function. */
  readonly #traced = new Map<number, (error: ReportedError | undefined) => void>();
  #copyPath: string | undefined;
  #error: ReportedError | undefined;
  #isRetired = false;

  constructor(
    directory: StateDirectory,
    file: StateFile,
    contents: StateContents,
    overrides: RetryOverrides = {},
    limits: TurnLimits = {},
  ) {
    this.#directory = directory;
    this.file = file;
    this.contents = contents;
    this.#turn = new Turn(overrides, limits);
    for (const registered of contents.functions.values())
      if (this.#turn.wasTried(registered)) this.#handled.add(registered.record.id);
    for (const { record } of this.#turn.triedUnmarked(contents.pending()))
      this.leave(record.id, noRoomForMarks(file.path));
  }

  /** Copies a damaged file to the dead letters. Called before anything is run or removed. */
  setAside(bytes: Buffer): void {
    if (this.contents.damagedBytes > 0) this.#copyPath = copyDamaged(this.#directory, this.file.name, bytes);
  }

  /** The functions to run now, in order. */
  runnable(): RegisteredFunction[] {
    return this.contents.pending().filter(registered => this.mayRun(registered));
  }

  mayRun(registered: RegisteredFunction): boolean {
    return registered.isPending && !this.#handled.has(registered.record.id) && this.#turn.isDue(registered);
  }

  isWaiting(id: number): boolean {
    const registered = this.contents.functions.get(id);
    if (!registered?.isPending || registered.isInProgress) return false;
    return this.#turn.verdict(registered).kind !== 'give-up';
  }

  apply(mark: Mark): void {
    this.contents.apply(mark);
    this.#handled.add(mark.id);
    if (mark.kind === 'start') {
      const name = this.contents.functions.get(mark.id)?.record.name ?? '';
      this.#traced.set(mark.id, traceInvoke({ path: this.file.path, name, attempt: mark.attempt }));
    } else {
      this.#traced.get(mark.id)?.(mark.error);
      this.#traced.delete(mark.id);
    }
  }

  /** Notes what a function was run without. */
  note(id: number, notes: readonly RunNote[]): void {
    if (notes.length > 0) this.#notes.set(id, notes);
  }

  /** Leaves a function as it is for a later sweep. */
  leave(id: number, why: ReportedError): void {
    this.#handled.add(id);
    this.failAs(why);
  }

  /** Reads the file again, after its owner registered, cancelled or ran through it. */
  refresh(): void {
    const known = this.contents.functions;
    const news = this.file.readOn(this.contents);
    for (const record of news ?? []) if (record.kind === 'start') this.#handled.add(record.id);
    if (news) return;
    this.contents = this.file.read();
    for (const { record, attemptCount } of this.contents.functions.values())
      if (attemptCount > (known.get(record.id)?.attemptCount ?? 0)) this.#handled.add(record.id);
  }

  /** Writes the end of attempts in which a runner of this sweep died. */
  endInterrupted(reasonFor: (nonce: string, name: string) => ReportedError): void {
    for (const registered of this.contents.pending()) {
      const start = registered.lastAttempt?.start;
      if (!registered.isInProgress || !start || !this.#turn.isOurs(start.nonce)) continue;
      this.#end(registered, start.attempt, reasonFor(start.nonce, registered.record.name));
    }
  }

  /** Writes a failed attempt for every function that would run now, because no runner can begin it. */
  failRunnable(nonce: string, why: ReportedError): void {
    for (const registered of this.runnable()) {
      const mark = nextStart(registered, nonce);
      // Not owed: a mark that finds no room counts no attempt.
      if (this.file.appendStart(mark, { isOwed: false })) {
        this.apply(mark);
        this.#end(registered, mark.attempt, why);
      } else this.leave(registered.record.id, why);
    }
  }

  /** Buries functions without attempts left, or only this one. None may be running: its last attempt looks interrupted. */
  giveUp(only?: number): void {
    for (const registered of this.contents.pending()) {
      if (only !== undefined && registered.record.id !== only) continue;
      const verdict = this.#turn.verdict(registered);
      if (verdict.kind === 'give-up') this.#bury(registered, verdict.error);
    }
  }

  /** Notes a fault of the file itself. The first one stands. */
  fail(error: unknown): void {
    this.failAs(reportError(error));
  }

  /** As {@link fail}, for an error that is plain data already. */
  failAs(why: ReportedError): void {
    this.#error ??= why;
  }

  /** Takes a step. An error is noted as the file's fault, and not thrown. */
  attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Unlinks the file while it is locked, unless a function is pending. True if it did. The caller closes the file. */
  retire(announce: () => void = () => {}): boolean {
    this.attempt(() => {
      if (this.contents.pending().length > 0) return this.file.settleMarks();
      // First: a death right after the unlink must hide nothing.
      announce();
      this.file.remove();
      this.#isRetired = true;
    });
    return this.#isRetired;
  }

  /** The report so far. @param isRetired - true when the owner emptied the file to use it again */
  report(isRetired: boolean = this.#isRetired): FileReport {
    const { contents, file } = this;
    const pending = contents.pending();
    const retryInMs = isRetired ? undefined : this.#turn.retryInMs(pending);
    const isWaiting = retryInMs !== undefined && this.#handled.size === 0;
    return {
      path: file.path,
      outcome: outcomeOfFile(contents, this.#copyPath !== undefined, isWaiting),
      owner: file.header.owner,
      ...(file.header.label !== null && { label: file.header.label }),
      ageMs: Math.max(0, epochMs() - file.header.createdAtEpochMs),
      functions: [...this.#handled].flatMap(id => this.functionReport(id) ?? []),
      isRetired,
      pending: pending.length,
      ...(retryInMs !== undefined && { retryInMs }),
      ...(contents.tornBytes > 0 && { tornBytes: contents.tornBytes }),
      ...(contents.damagedBytes > 0 && { damagedBytes: contents.damagedBytes }),
      ...(this.#copyPath !== undefined && { deadLetter: this.#copyPath }),
      ...(this.#error && { error: this.#error }),
    };
  }

  functionReport(id: number): FunctionReport | undefined {
    const registered = this.contents.functions.get(id);
    const last = registered?.lastAttempt;
    if (!registered || !last || !this.#handled.has(id)) return undefined;
    const { attempt, start, done } = last;
    const error = done?.error;
    const notes = this.#notes.get(id);
    return {
      id,
      name: registered.record.name,
      outcome: this.#skipped.has(id) ? 'skipped' : done ? outcomeOf(error) : 'crashed',
      attempt,
      ms: start && done ? Math.max(0, done.atEpochMs - start.atEpochMs) : 0,
      ...(error && { error }),
      // By its mark: a runner that wrote both may have died before it told.
      ...(error && done.final && { deadLetter: letterPath(this.#directory, this.file.name, id) }),
      ...(notes && { notes }),
    };
  }

  #end(registered: RegisteredFunction, attempt: number, error: ReportedError): void {
    const { id } = registered.record;
    const done: DoneRecord = { kind: 'done', id, attempt, atEpochMs: epochMs(), error, final: false };
    this.file.appendDone(done);
    this.apply(done);
  }

  #bury(registered: RegisteredFunction, error: ReportedError): void {
    const { id } = registered.record;
    const { attempt = 1, done } = registered.lastAttempt ?? {};
    const atEpochMs = done?.atEpochMs ?? epochMs();
    const final: DoneRecord = { kind: 'done', id, attempt, atEpochMs, error, final: true };
    // The letter first: after a death between the two it is written again. The other order would lose it.
    writeDeadLetter(this.#directory, this.file.name, this.file.header, registered, final);
    this.buried.push(id);
    this.file.appendDone(final);
    if (!this.#handled.has(id)) this.#skipped.add(id);
    this.apply(final);
  }
}
