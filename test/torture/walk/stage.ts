/** What a scenario's program does, and what it tells the test: one line for each thing that was acknowledged. */
import { rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resolveAllUsersOptions } from '#dist/all-users/options.js';
import { findPrograms } from '#dist/all-users/programs.js';
import { sweepUser } from '#dist/all-users/user-sweep.js';
import {
  DeferredFunctionManager,
  DeferredSweepError,
  type FileReport,
  type Job,
  type ManagerOptions,
  type Registration,
  type SweepReport,
} from '#dist/index.js';
import { GATED_COMMAND_LINE } from './gated-command-line.ts';
import { hold, LIFE, note, noteAndDie, noteAndFail, release } from './notes.ts';

const LIFE_OF_THIS = process.env[LIFE] ?? '';

/** On a pipe, which no file system can fail. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Tells the report that a step returned, or that the job it returned begins with. */
function toldReport<T>(result: T): T {
  const { files, sweepReport = files && result } = (result ?? {}) as {
    files?: unknown;
    sweepReport?: unknown;
  };
  if (sweepReport !== undefined) tell(JSON.stringify(sweepReport));
  return result;
}

export class Stage {
  readonly base: string;
  /** The directory that the base is in. */
  readonly root: string;
  /** Outside of the base directory: what functions do is not tortured. */
  readonly ledger: string;

  constructor(base: string) {
    this.base = base;
    this.root = dirname(base);
    this.ledger = join(this.root, 'ledger');
  }

  manager(options: ManagerOptions = {}): DeferredFunctionManager {
    return new DeferredFunctionManager(this.base, { logger: null, retryDelayMs: 0, ...options });
  }

  /** Tells a report that no step returns. */
  tellReport(report: SweepReport): void {
    toldReport(report);
  }

  /** What a step returns, or undefined when it threw: that is told, and whether it may be thrown is the test's to say. */
  async attempt<T>(step: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return toldReport(await step());
    } catch (error) {
      tell(error instanceof DeferredSweepError ? `threw ${error.code}` : `raw ${inspect(error)}`);
      return undefined;
    }
  }

  /** A step that never throws. */
  async never<T>(step: () => Promise<T>): Promise<T | undefined> {
    try {
      return toldReport(await step());
    } catch (error) {
      tell(`raw ${inspect(error)}`);
      return undefined;
    }
  }

  async defer(job: Job | undefined, ...names: string[]): Promise<Registration | undefined> {
    let last: Registration | undefined;
    for (const name of names) {
      last = await this.register(name, () => job?.defer(note, this.ledger, name, LIFE_OF_THIS));
    }
    return last;
  }

  async deferFailing(job: Job, name: string): Promise<void> {
    tell(`failing ${name}`);
    await this.register(name, () => job.defer(noteAndFail, this.ledger, name, LIFE_OF_THIS));
  }

  async deferDying(job: Job, name: string): Promise<void> {
    await this.register(name, () => job.defer(noteAndDie, this.ledger, name, LIFE_OF_THIS));
  }

  /** Registers something in a way of its own, under this name. */
  async register<T>(name: string, step: () => T | undefined): Promise<T | undefined> {
    hold(this.ledger, name);
    const registration = await this.attempt(step);
    tell(`${registration === undefined ? 'refused' : 'deferred'} ${name}`);
    return registration;
  }

  /** Registers an action of which {@link Props} knows whether it was done. */
  async act<T>(name: string, step: () => T | undefined): Promise<void> {
    const done = await this.attempt(step);
    if (done !== undefined) tell(`acted ${name}`);
  }

  async cancel(registration: Registration | undefined, name: string): Promise<void> {
    tell(`cancelling ${name}`);
    const isCancelled = await this.attempt(() => registration?.cancel());
    tell(`${isCancelled === true ? 'cancelled' : 'kept'} ${name}`);
  }

  /** Removes the job's file as a stranger would, or cannot: what is in it may be lost with its owner until it is saved. */
  expose(job: Job | undefined, ...names: string[]): void {
    for (const name of names) tell(`exposed ${name}`);
    try {
      if (job) rmSync(job.path);
    } catch {
      // The stranger's call is tortured as well.
    }
  }

  /** From here on these are in a file that others find, or have run. */
  saved(...names: string[]): void {
    for (const name of names) tell(`saved ${name}`);
  }

  /** From here on these may run in it, or all. */
  allow(...names: string[]): void {
    release(this.ledger, ...names);
  }

  /** What the report says of the job's own file. */
  async close(job: Job | undefined): Promise<FileReport | undefined> {
    this.allow();
    const report = await this.never(async () => job?.close());
    return report?.files[0];
  }

  /** The command line, in this process. */
  async commandLine(...args: string[]): Promise<void> {
    const main = new URL('../../../dist/cli/main.js', import.meta.url);
    process.argv = [process.execPath, main.pathname, ...args];
    await import(main.href);
  }

  /** What root does for one user, whose process waits at the gate. */
  async sweepUser(uid: number): Promise<void> {
    const programs = { ...findPrograms(), commandLine: GATED_COMMAND_LINE };
    const directory = { uid, base: this.base, not: undefined };
    const end = await sweepUser(programs, directory, 60_000, resolveAllUsersOptions({ killGraceMs: 5000 }));
    tell(JSON.stringify({ users: [end] }));
    if (/^Node\.js v/m.test(end.printed)) tell(`raw ${end.printed.replaceAll('\n', ' | ')}`);
  }

  /** Death, for whoever prepares. */
  die(): void {
    process.kill(process.pid, 'SIGKILL');
  }
}

function inspect(error: unknown): string {
  return String(error instanceof Error ? error.stack : error).replaceAll('\n', ' | ');
}
