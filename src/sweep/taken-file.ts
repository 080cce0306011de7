/**
 * A state file in the hands of a runner: its owner at the end of the job, or a sweeper. Decides what may run, gives up
 * what may not, and says in the end whether the file can go.
 */
import { epochMs } from '../state/clock.ts';
import type { RegisteredFunction, StateContents } from '../state/contents.ts';
import { copyDamaged, writeDeadLetter } from '../state/dead-letter.ts';
import type { DoneRecord, Mark, ReportedError, StartRecord } from '../state/record.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import type { StateFile } from '../state/state-file.ts';
import { traceInvoke } from '../tracing.ts';
import { type FileOutcome, type FileReport, type FunctionReport, outcomeOf } from './report.ts';
import { reportError, reportOf } from './reported-error.ts';

export class TakenFile {
  readonly file: StateFile;
  contents: StateContents;
  readonly #directory: StateDirectory;
  readonly #maxAttempts: number | undefined;
  /** Ids run or given up by us; each at most once. */
  readonly #handled = new Set<number>();
  /** Those of them that were given up without a run. */
  readonly #skipped = new Set<number>();
  readonly #deadLetters = new Map<number, string>();
  /** Ends of the traces of functions that are running. */
  readonly #traced = new Map<number, (error: ReportedError | undefined) => void>();
  #copyPath: string | undefined;
  #error: ReportedError | undefined;
  #isRetired = false;

  /** @param maxAttempts - overrides what the functions were registered with */
  constructor(
    directory: StateDirectory,
    file: StateFile,
    contents: StateContents,
    maxAttempts: number | undefined,
  ) {
    this.#directory = directory;
    this.file = file;
    this.contents = contents;
    this.#maxAttempts = maxAttempts;
  }

  /** Keeps a copy of what is damaged, before anything is run or removed. */
  setAside(bytes: Buffer): void {
    if (this.contents.damagedBytes > 0) this.#copyPath = copyDamaged(this.#directory, this.file.name, bytes);
  }

  /** The functions to run now, in order: pending, attempts left, not handled before in this sweep. */
  runnable(): RegisteredFunction[] {
    return this.contents
      .pending()
      .filter(
        registered =>
          !this.#handled.has(registered.record.id) && this.#reasonToGiveUp(registered) === undefined,
      );
  }

  /** Whether a function is still to be run, and not running. */
  isWaiting(id: number): boolean {
    const registered = this.contents.functions.get(id);
    return registered?.isPending === true && !registered.isInProgress;
  }

  /** Takes note of a mark that a runner wrote. */
  apply(mark: Mark): void {
    this.contents.apply(mark);
    this.#handled.add(mark.id);
    if (mark.kind === 'start') this.#traceStart(mark);
    else this.#traceDone(mark);
  }

  /** Leaves a function as it is for a later sweep. */
  leave(id: number, why: ReportedError): void {
    this.#handled.add(id);
    this.failAs(why);
  }

  /** Takes note of what was registered, cancelled and run through the same file meanwhile. */
  refresh(): void {
    this.#renew(this.file.read());
  }

  /** Takes note of the file as another process left it. */
  refreshFromOther(): void {
    this.#renew(this.file.readAnew());
  }

  #renew(contents: StateContents): void {
    const known = this.contents;
    this.contents = contents;
    // What its runner could not write it told us, and may be dead by now.
    const told = [...known.functions.values()].flatMap(registered => registered.marks);
    this.file.owe(told.filter(mark => !contents.functions.get(mark.id)?.has(mark)));
    for (const mark of told) contents.apply(mark);
    for (const { record, attempts } of contents.functions.values()) {
      if (attempts.length > (known.functions.get(record.id)?.attempts.length ?? 0))
        this.#handled.add(record.id);
    }
  }

  /** Writes the end of every attempt of this sweep whose runner died in it. */
  endInterrupted(reason: (registered: RegisteredFunction) => ReportedError): void {
    for (const registered of this.contents.pending()) {
      const { id } = registered.record;
      if (!registered.isInProgress || !this.#handled.has(id)) continue;
      const error = reason(registered);
      const done: DoneRecord = {
        kind: 'done',
        id,
        attempt: registered.lastAttempt!.attempt,
        atEpochMs: epochMs(),
        error,
        final: false,
      };
      this.file.appendDone(done);
      this.apply(done);
    }
  }

  /**
   * Moves every function that must not run again among the dead letters, or only that with this id. None of them may be
   * running: one in its last attempt looks as if its runner had died in it.
   */
  giveUp(only?: number): void {
    for (const registered of this.contents.pending()) {
      if (only !== undefined && registered.record.id !== only) continue;
      const error = this.#reasonToGiveUp(registered);
      if (error) this.#bury(registered, error);
    }
  }

  /** Keeps in mind what is wrong with the file itself; the first reason stands. */
  fail(error: unknown): void {
    this.failAs(reportError(error));
  }

  /** Takes a step that concerns this file alone: what goes wrong is noted, and ends nothing else. */
  attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
  }

  /** As {@link fail}, for what another process reported. */
  failAs(why: ReportedError): void {
    this.#error ??= why;
  }

  /**
   * Unlinks the file while its lock is held, unless something in it is pending, and gives up the lock. What goes wrong is
   * in the report: the file is closed whatever happens.
   */
  retire(): void {
    this.attempt(() => {
      if (this.contents.pending().length > 0) {
        this.file.settleMarks();
      } else {
        this.file.remove();
        this.#isRetired = true;
      }
    });
    this.file.close();
  }

  /** @param isRetired - true when the owner emptied the file to use it again */
  report(isRetired: boolean = this.#isRetired): FileReport {
    const { contents, file } = this;
    const { header } = file;
    return {
      path: file.path,
      outcome: this.#outcome(),
      owner: header.owner,
      ...(header.label !== null && { label: header.label }),
      ageMs: Math.max(0, epochMs() - header.createdAtEpochMs),
      functions: [...this.#handled].flatMap(id => this.#reportFunction(contents.functions.get(id))),
      isRetired,
      pending: contents.pending().length,
      ...(contents.tornBytes > 0 && { tornBytes: contents.tornBytes }),
      ...(contents.damagedBytes > 0 && { damagedBytes: contents.damagedBytes }),
      ...(this.#copyPath !== undefined && { deadLetter: this.#copyPath }),
      ...(this.#error && { error: this.#error }),
    };
  }

  #reasonToGiveUp(registered: RegisteredFunction): ReportedError | undefined {
    const { record, attempts, lastAttempt } = registered;
    const maxAttempts = record.delivery === 'at-most-once' ? 1 : (this.#maxAttempts ?? record.maxAttempts);
    if (attempts.length < maxAttempts) return undefined;
    return (
      lastAttempt?.done?.error ??
      reportOf('DEFERRED_CRASHED', `${record.name} was not finished: the process that ran it died in it`)
    );
  }

  #bury(registered: RegisteredFunction, error: ReportedError): void {
    const { id } = registered.record;
    const final: DoneRecord = {
      kind: 'done',
      id,
      attempt: registered.lastAttempt?.attempt ?? 1,
      atEpochMs: registered.lastAttempt?.done?.atEpochMs ?? epochMs(),
      error,
      final: true,
    };
    // The letter first: a death between the two writes it again, the other way round it would be lost.
    this.#deadLetters.set(
      id,
      writeDeadLetter(this.#directory, this.file.name, this.file.header, registered, final),
    );
    this.file.appendDone(final);
    if (!this.#handled.has(id)) this.#skipped.add(id);
    this.apply(final);
  }

  #traceStart(mark: StartRecord): void {
    const name = this.contents.functions.get(mark.id)?.record.name ?? '';
    this.#traced.set(mark.id, traceInvoke({ path: this.file.path, name, attempt: mark.attempt }));
  }

  #traceDone(mark: DoneRecord): void {
    this.#traced.get(mark.id)?.(mark.error);
    this.#traced.delete(mark.id);
  }

  #outcome(): FileOutcome {
    if (this.contents.damagedBytes > 0) return 'quarantined';
    return this.contents.tornBytes > 0 ? 'torn' : 'ran';
  }

  #reportFunction(registered: RegisteredFunction | undefined): FunctionReport[] {
    const last = registered?.lastAttempt;
    if (!registered || !last) return [];
    const { id, name } = registered.record;
    const deadLetter = this.#deadLetters.get(id);
    const error = last.done?.error;
    return [
      {
        id,
        name,
        outcome: this.#skipped.has(id) ? 'skipped' : last.done ? outcomeOf(error) : 'crashed',
        attempt: last.attempt,
        ms: last.start && last.done ? Math.max(0, last.done.atEpochMs - last.start.atEpochMs) : 0,
        ...(error && { error }),
        ...(deadLetter !== undefined && { deadLetter }),
      },
    ];
  }
}
