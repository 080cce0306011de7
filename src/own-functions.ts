/** The functions of an open job: registered in its state file, cancelled, run ahead of the end of the job and at it. */
import { fstatSync } from 'node:fs';
import { DeferredSweepError, unlessRefused } from './errors.ts';
import { codePathOf } from './function/code-path.ts';
import type { DeferredFunction } from './function/deferred-function.ts';
import { encodeDescriptor } from './function/descriptor.ts';
import { captureEnvironment } from './function/environment.ts';
import { inodeKey } from './lock/held-file.ts';
import { noRoomForStart, runAttempt } from './runner/run-attempt.ts';
import { epochMs } from './state/clock.ts';
import type { RegisteredFunction } from './state/contents.ts';
import { knownOwnersOf } from './state/known-owners.ts';
import { freshSweepId, nonceOf } from './state/nonce.ts';
import { currentPlace, stateOf } from './state/place.ts';
import type { Delivery, Place } from './state/record.ts';
import type { StateDirectory } from './state/state-directory.ts';
import type { StateFile } from './state/state-file.ts';
import { changeOfUser, currentUser } from './state/user.ts';
import { ClaimedFile } from './sweep/claimed-file.ts';
import type { ResolvedSweepOptions } from './sweep/options.ts';
import { type FileReport, type FunctionReport, refusedReport } from './sweep/report.ts';

/** What they need of their job's manager. */
export interface OwnFunctionsHost {
  readonly directory: StateDirectory;
  readonly sweepOptions: Pick<ResolvedSweepOptions, 'killGraceMs'>;
  readonly delivery: Delivery;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  /** Names of environment variables to capture with each function. */
  readonly env: readonly string[];
  /** A fresh state file, without waiting. @param cwd - where whoever runs its functions is to be */
  createFile(cwd: Place | null): StateFile;
  /**
   * Takes back a file in which nothing is pending: empties and keeps it for another job, or removes it. Returns whether it
   * was kept.
   */
  giveBack(file: StateFile): boolean;
  /** Removes a file in which nothing is pending. Never throws for what the system refuses. */
  retire(file: StateFile): void;
}

/** What became of a job's functions when it ended. */
export interface OwnEnd {
  readonly report: FileReport;
  /** Inodes of the file, if it stays and the sweep after the job is to leave it alone. */
  readonly left: readonly string[];
}

export class OwnFunctions {
  readonly #host: OwnFunctionsHost;
  readonly #file: StateFile;
  readonly #nonce = nonceOf(freshSweepId(), 0);
  /** Counts what is written into the file other than by the end of the job: that then reads it again. */
  #changes = 0;
  /** Ids of functions that may be cancelled or run: registered, and not cancelled, running or done. */
  readonly #waiting = new Set<number>();
  /** Functions being run, by id. */
  readonly #running = new Map<number, Promise<ClaimedFile>>();
  /** Functions are left whose directory this process is not in: a runner is, and runs them. */
  #needsRunner = false;
  #haveEnded = false;
  readonly #user = currentUser();

  /** @param file - without functions, locked, and ours from now on */
  constructor(host: OwnFunctionsHost, file: StateFile) {
    this.#host = host;
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  /** Once true, nothing can be registered, cancelled or run any more. */
  get haveEnded(): boolean {
    return this.#haveEnded;
  }

  /** Returns the id. @throws as `Job.defer` */
  register(deferred: DeferredFunction): number {
    this.#assertSameUser(deferred.name);
    this.#stayNamed();
    const id = this.#file.lastId + 1;
    this.#file.append([
      {
        kind: 'defer',
        id,
        name: deferred.name,
        function: encodeDescriptor(deferred.descriptor),
        arguments: deferred.encodedArguments,
        registeredAtEpochMs: epochMs(),
        ...this.#elsewhere(),
        ...this.#environment(deferred),
        ...codeOwnersOf(deferred),
        delivery: this.#host.delivery,
        timeoutMs: this.#host.timeoutMs,
        maxAttempts: this.#host.maxAttempts,
        retryDelayMs: this.#host.retryDelayMs,
      },
    ]);
    this.#file.lastId = id;
    this.#waiting.add(id);
    this.#changes++;
    return id;
  }

  /** As `Registration.cancel`. */
  cancel(id: number): boolean {
    // Not one that is running: a true would promise that it does not run.
    if (!this.#waiting.has(id)) return false;
    this.#file.append([{ kind: 'cancel', id }]);
    this.#waiting.delete(id);
    this.#changes++;
    return true;
  }

  /** As `Registration.run`. */
  async run(id: number): Promise<FunctionReport | undefined> {
    const taken = await (this.#running.get(id) ?? this.#runNow(id));
    return taken?.report().functions.find(ran => ran.id === id);
  }

  /** Runs what is pending and leaves the rest to others. Never throws for what the system refuses. */
  async end(): Promise<OwnEnd> {
    let taken: ClaimedFile | undefined;
    try {
      do await this.#earlyRuns();
      while (this.#running.size > 0);
      taken = this.#take();
      if (taken.contents.damagedBytes > 0) taken.setAside(this.#file.readBytes());
      await this.#runPending(taken);
      taken.giveUp();
      if (taken.contents.damagedBytes > 0) {
        // Its header may be what is damaged: no file for another job.
        taken.retire();
        this.#file.close();
        return { report: taken.report(), left: [] };
      }
      if (taken.contents.pending().length === 0) {
        const inodes = inodesOf(this.#file);
        return { report: taken.report(true), left: this.#host.giveBack(this.#file) ? inodes : [] };
      }
    } catch (error) {
      this.#haveEnded = true;
      // Their marks go through the descriptor that is closed below.
      await this.#earlyRuns();
      if (!taken) {
        const left = inodesOf(this.#file);
        this.#file.close();
        return { report: refusedReport(this.path, error), left };
      }
      taken.fail(error);
    }
    return this.#leave(taken);
  }

  /** An orphan runs with the rights of its file's owner, who opened the job: more, perhaps, than were left here. */
  #assertSameUser(name: string): void {
    const change = changeOfUser(this.#user);
    if (change === undefined) return;
    throw new DeferredSweepError(
      'DEFERRED_FUNCTION_REFUSED',
      `cannot defer ${name}: this process has changed its user since the job was opened (${change}); open a job after that`,
      { path: this.path },
    );
  }

  /** Where somebody removed our file, nobody would find what is written into it: then in a fresh one. */
  #stayNamed(): void {
    if (this.#file.isNamed()) return;
    const fresh = this.#host.createFile(this.#file.header.cwd);
    try {
      this.#file.moveTo(fresh);
    } catch (error) {
      this.#host.retire(fresh);
      throw error;
    }
  }

  /** Where the function is registered, if that is not where the header says. */
  #elsewhere(): { readonly cwd?: Place | null } {
    const { cwd } = this.#file.header;
    // Node remembers the name of its directory: asking is cheap.
    const path = unlessRefused(() => process.cwd(), undefined);
    return path === cwd?.path ? {} : { cwd: path === undefined ? null : currentPlace() };
  }

  #environment(deferred: DeferredFunction): { readonly env?: Readonly<Record<string, string | null>> } {
    const { env } = this.#host;
    const captured = env.length === 0 ? deferred.env : { ...captureEnvironment(env), ...deferred.env };
    for (const _name in captured) return { env: captured };
    return {};
  }

  /** chdir(2) is the whole process's: functions run here only where this process is anyway. */
  #isInItsDirectory({ record }: RegisteredFunction): boolean {
    const place = record.cwd === undefined ? this.#file.header.cwd : record.cwd;
    return (
      place !== null &&
      unlessRefused(() => process.cwd(), undefined) === place.path &&
      stateOf(place) === 'same'
    );
  }

  /** Undefined when there is nothing to run. */
  #runNow(id: number): Promise<ClaimedFile> | undefined {
    if (!this.#waiting.has(id)) return undefined;
    const taken = this.#take();
    const registered = taken.runnable().find(candidate => candidate.record.id === id);
    if (!registered) return undefined;
    if (!this.#isInItsDirectory(registered)) {
      throw new DeferredSweepError(
        'DEFERRED_UNSUPPORTED',
        `cannot run ${registered.record.name} now: this process is not in the directory in which it was registered; the end of the job runs it there`,
        { path: this.path },
      );
    }
    this.#changes++;
    // Only this one: another that looks given up may be running.
    return this.#runOnce(taken, registered, () => taken.giveUp(id));
  }

  #take(): ClaimedFile {
    return new ClaimedFile(this.#host.directory, this.#file, this.#file.read());
  }

  /** Runs a function, its start mark written when this returns; who wants it run before it has ended gets this run. */
  #runOnce(
    taken: ClaimedFile,
    registered: RegisteredFunction,
    afterwards: () => void = () => {},
  ): Promise<ClaimedFile> {
    const { id } = registered.record;
    const run = async (): Promise<ClaimedFile> => {
      try {
        await this.#runOne(taken, registered);
        afterwards();
        return taken;
      } finally {
        this.#running.delete(id);
        if (taken.isWaiting(id)) this.#waiting.add(id);
      }
    };
    this.#waiting.delete(id);
    const running = run();
    this.#running.set(id, running);
    return running;
  }

  async #runOne(taken: ClaimedFile, registered: RegisteredFunction): Promise<void> {
    const result = await runAttempt(taken.file, registered, {
      nonce: this.#nonce,
      isOrphaned: false,
      timeoutMs: registered.record.timeoutMs,
      killGraceMs: this.#host.sweepOptions.killGraceMs,
      onMark: mark => taken.apply(mark),
    });
    if (result === 'not-started') taken.leave(registered.record.id, noRoomForStart(registered.record.name));
  }

  /**
   * Runs what is pending, in order, until nothing is, and ends the job. Functions, and whoever else has the job, may defer,
   * cancel and run others meanwhile. Between the last look at what they did and the next start mark, or the end, there
   * is no `await`: what is deferred before is run, what is deferred after is refused, and nothing is in between.
   */
  async #runPending(taken: ClaimedFile): Promise<void> {
    let queue = taken.runnable().reverse();
    for (let next = queue.pop(); next; next = queue.pop()) {
      this.#needsRunner = !this.#isInItsDirectory(next);
      // In order: what comes after it is the runner's, too.
      if (this.#needsRunner) break;
      const known = this.#changes;
      await this.#runOnce(taken, next);
      while (this.#running.size > 0) await this.#earlyRuns();
      if (known === this.#changes) continue;
      taken.refresh();
      queue = taken.runnable().reverse();
    }
    this.#haveEnded = true;
  }

  /** Waits for functions run before their turn: else they would look like interrupted ones, and run twice at once. */
  async #earlyRuns(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /** What is pending is an orphan's from here on. */
  #leave(taken: ClaimedFile): OwnEnd {
    taken.attempt(() => this.#file.settleMarks());
    taken.attempt(() => this.#stayNamed());
    const left = this.#needsRunner ? [] : inodesOf(this.#file);
    this.#file.close();
    return { report: taken.report(), left };
  }
}

/** Users other than root and us who could replace the code of a function: trusted now, and not more than these later. */
function codeOwnersOf({ descriptor }: DeferredFunction): { readonly codeOwners?: readonly number[] } {
  const code = codePathOf(descriptor);
  const owners = code ? knownOwnersOf(code.path) : [];
  return owners.length > 0 ? { codeOwners: owners } : {};
}

/** The inode of an open file, or none where the system does not tell: the file may then be met again. */
function inodesOf({ fd }: StateFile): string[] {
  return unlessRefused(() => [inodeKey(fstatSync(fd))], []);
}
