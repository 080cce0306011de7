import { ClaimedFile } from '../attempt/claimed-file.ts';
import { noRoomForStart, runAttempt } from '../attempt/run-attempt.ts';
import { unlessRefused } from '../errors.ts';
import type { DeferredFunction } from '../function/deferred-function.ts';
import { StateContents } from '../log/contents.ts';
import { freshSweepId, nonceOf } from '../log/nonce.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import { type FileReport, type FunctionReport, refusedReport } from '../report/report.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import type { StateFile } from '../state/state-file.ts';
import type { ResolvedSweepOptions } from '../sweep/options.ts';
import { changeOfUser, currentUser, refuseChangedUser } from '../trust/user.ts';
import type { FilePool } from './file-pool.ts';
import { newRecord } from './new-record.ts';
import type { JobOptions } from './options.ts';
import { isInItsSurroundings, notInItsSurroundings } from './own-surroundings.ts';
import { NOWHERE, WaitingFunctions } from './waiting-functions.ts';

/** What a queue has of its job's manager. */
export interface RunQueueParts {
  readonly directory: StateDirectory;
  readonly options: JobOptions & { readonly sweep: ResolvedSweepOptions };
  readonly files: FilePool;
}

interface OwnEnd {
  readonly report: FileReport;
  /** The file's name, if the sweep after the job must leave the file alone. */
  readonly left: readonly string[];
}

/** The functions of an open job: registers, cancels and runs them. `docs/protocol.md`, Register and Close. */
export class RunQueue {
  readonly #parts: RunQueueParts;
  readonly #file: StateFile;
  readonly #onEarlyFailure: (file: FileReport) => void;
  readonly #nonce = nonceOf(freshSweepId(), 0);
  /** Counts changes to the file by callers. The end of the job reads the file again when the count has changed. */
  #changes = 0;
  readonly #waiting = new WaitingFunctions();
  /** Runs in progress, by id. */
  readonly #running = new Map<number, Promise<ClaimedFile>>();
  /** True: the next function belongs to other surroundings, so a runner has to run the rest. */
  #needsRunner = false;
  /** Once true, nothing can be registered, cancelled or run. */
  haveEnded = false;
  #isEnding = false;
  readonly #user = currentUser();

  /**
   * @param file - locked and without functions; this object owns it from now on
   * @param onEarlyFailure - told of each function that failed before the end of its job
   */
  constructor(parts: RunQueueParts, file: StateFile, onEarlyFailure: (file: FileReport) => void) {
    this.#parts = parts;
    this.#file = file;
    this.#onEarlyFailure = onEarlyFailure;
  }

  get path(): string {
    return this.#file.path;
  }

  /** Returns the id. @throws as `Job.defer` */
  register(deferred: DeferredFunction): number {
    refuseChangedUser('DEFERRED_FUNCTION_REFUSED', `defer ${deferred.name}`, this.#user, this.path);
    const id = this.#file.lastId + 1;
    const record = newRecord(id, deferred, this.#file.header, this.#parts.options);
    const offset = this.#file.lengthBytes;
    const isNamed = this.#file.register(record);
    if (!isNamed) this.#moveOr(() => this.#file.takeBack(offset));
    this.#waiting.add(id, isNamed ? offset : NOWHERE);
    this.#file.lastId = id;
    this.#changes++;
    return id;
  }

  /** As `Registration.cancel`. */
  cancel(id: number): boolean {
    // A running function is not waiting: `true` would promise that it does not run.
    if (!this.#waiting.has(id)) return false;
    this.#file.append([{ kind: 'cancel', id }]);
    this.#waiting.remove(id);
    this.#changes++;
    return true;
  }

  /** As `Registration.run`. */
  async run(id: number): Promise<FunctionReport | undefined> {
    const before = this.#running.get(id);
    // What runs while the job ends is in the report of that.
    const isReported = this.#isEnding || before !== undefined;
    const taken = await (before ?? this.#runNow(id));
    const report = taken?.functionReport(id);
    if (taken && report && report.outcome !== 'ok' && !isReported)
      this.#onEarlyFailure({ ...taken.report(), pending: this.#waiting.size });
    return report;
  }

  /** Runs what is pending and leaves the rest as an orphan's. A system error is in the report, not thrown. */
  async end(): Promise<OwnEnd> {
    let taken: ClaimedFile | undefined;
    try {
      do await this.#earlyRuns();
      while (this.#running.size > 0);
      this.#isEnding = true;
      // Nothing of this job is in the file, so nothing is read.
      taken = this.#take(this.#changes === 0 ? new StateContents() : this.#file.read());
      if (taken.contents.damagedBytes > 0) {
        this.#requireUser(`set ${this.path} aside`);
        taken.setAside(this.#file.readBytes());
      }
      await this.#runPending(taken);
      const missing = this.#waiting.missingIn(taken.contents, this.path);
      if (missing) taken.failAs(missing);
      if (taken.contents.pending().length > 0) this.#requireUser(`end the job of ${this.path}`);
      taken.giveUp();
      if (taken.contents.damagedBytes > 0) {
        // The damage may be in the header, so no other job may use the file.
        taken.retire();
        taken.attempt(() => this.#file.close());
        return { report: taken.report(), left: [] };
      }
      if (taken.contents.pending().length === 0) {
        const { name } = this.#file;
        return { report: taken.report(true), left: this.#parts.files.giveBack(this.#file) ? [name] : [] };
      }
    } catch (error) {
      this.haveEnded = true;
      // Early runs write marks through the descriptor that is closed below.
      await this.#earlyRuns();
      if (!taken) {
        unlessRefused(() => this.#file.close(), undefined);
        return { report: refusedReport(this.path, error), left: [this.#file.name] };
      }
      taken.fail(error);
    }
    return this.#leave(taken);
  }

  /** With the rights of another user nothing is run, given up or set aside: the next sweep of the user before does that. */
  #requireUser(what: string): void {
    refuseChangedUser('DEFERRED_UNSUPPORTED', what, this.#user, this.path);
  }

  /** Goes on in a fresh file: a sweeper finds none that was removed. @param undo - called when that fails */
  #moveOr(undo: () => void): void {
    const { files } = this.#parts;
    let fresh: StateFile | undefined;
    try {
      fresh = files.createNow(this.#file.header.cwd);
      this.#file.moveTo(fresh);
    } catch (error) {
      if (fresh) files.remove(fresh);
      undo();
      throw error;
    }
    this.#waiting.forgetOffsets();
  }

  #runNow(id: number): Promise<ClaimedFile> | undefined {
    if (!this.#waiting.has(id)) return undefined;
    // Read alone: an early run costs the same among many functions.
    const taken = this.#take(this.#waiting.read(id, this.#file));
    const registered = taken.contents.functions.get(id);
    if (!registered || !taken.mayRun(registered)) return undefined;
    this.#requireUser(`run ${registered.record.name}`);
    if (!isInItsSurroundings(this.#file.header, registered.record))
      throw notInItsSurroundings(registered.record, this.path);
    this.#changes++;
    // Only this function: one that is in its last attempt looks as if it had died in it.
    return this.#runOnce(taken, registered, () => {
      if (changeOfUser(this.#user) === undefined) taken.giveUp(id);
    });
  }

  #take(contents: StateContents = this.#file.read()): ClaimedFile {
    return new ClaimedFile(this.#parts.directory, this.#file, contents);
  }

  /** Runs a function. Its start mark is written when this returns. Callers that come meanwhile share the promise. */
  #runOnce(
    taken: ClaimedFile,
    registered: RegisteredFunction,
    afterwards: () => void = () => {},
  ): Promise<ClaimedFile> {
    const { id } = registered.record;
    const run = async (): Promise<ClaimedFile> => {
      try {
        const result = await runAttempt(taken.file, registered, {
          nonce: this.#nonce,
          isOrphaned: false,
          timeoutMs: registered.record.timeoutMs,
          killGraceMs: this.#parts.options.sweep.killGraceMs,
          onMark: mark => taken.apply(mark),
        });
        if (result === 'not-started') taken.leave(id, noRoomForStart(registered.record.name));
        afterwards();
        return taken;
      } finally {
        this.#running.delete(id);
        if (taken.isWaiting(id)) this.#waiting.putBack(id, taken.contents.functions.get(id)?.marks ?? []);
        else this.#waiting.remove(id);
      }
    };
    this.#waiting.takeOut(id);
    const running = run();
    this.#running.set(id, running);
    return running;
  }

  /**
   * Runs what is pending, in order, until nothing is, and ends the job. Callers may defer, cancel and run meanwhile.
   * There is no `await` between the last look at the changes and the next start mark, or the end. So a function that was
   * deferred before the end is run, and one that comes after it is refused.
   */
  async #runPending(taken: ClaimedFile): Promise<void> {
    let queue = taken.runnable().reverse();
    for (let next = queue.pop(); next; next = queue.pop()) {
      // Nor by a sweep of this process: the next one has it.
      this.#requireUser(`run ${next.record.name}`);
      this.#needsRunner = !isInItsSurroundings(this.#file.header, next.record);
      // To keep the order, the runner also runs what comes behind it.
      if (this.#needsRunner) break;
      const known = this.#changes;
      await this.#runOnce(taken, next);
      while (this.#running.size > 0) await this.#earlyRuns();
      if (known === this.#changes) continue;
      taken.refresh();
      queue = taken.runnable().reverse();
    }
    this.haveEnded = true;
  }

  /** Waits for early runs. They would look like interrupted attempts, and run twice at once. */
  async #earlyRuns(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /** Gives up the lock. From here on the file is an orphan's. */
  #leave(taken: ClaimedFile): OwnEnd {
    taken.attempt(() => this.#file.settleMarks());
    taken.attempt(() => this.#file.isNamed() || this.#moveOr(() => {}));
    const left = this.#needsRunner ? [] : [this.#file.name];
    taken.attempt(() => this.#file.close());
    return { report: taken.report(), left };
  }
}
