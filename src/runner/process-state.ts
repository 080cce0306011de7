/** Environment, umask and working directory, which every function may change. Each gets what its owner had. */
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';
import type { DeferRecord, HeaderRecord, Place } from '../log/records.ts';
import { ownEnvironment } from '../native/own-process.ts';
import type { RunNote } from '../report/report.ts';
import { currentPlace, isSamePlace } from '../state/place.ts';

export class ProcessState {
  /** Functions may put another object in its place. */
  readonly #object = process.env;
  readonly #env = new Map(Object.entries(process.env));
  readonly #notes: readonly RunNote[];
  /** Of the last function. */
  #surroundings: string | undefined;
  /** As it was set up last, for a function with these variables of its own. */
  #environment: { readonly own: string | undefined; readonly bytes: Buffer } | undefined;

  /** @param notes - what all functions of this runner have to do without */
  constructor(notes: readonly RunNote[]) {
    this.#notes = notes;
  }

  /** True where no function came before this one, or only such with the same directory, umask and environment. */
  isAsFor(header: HeaderRecord, record: DeferRecord): boolean {
    const before = this.#surroundings;
    this.#surroundings = JSON.stringify([header.umask, cwdOf(header, record), record.env]);
    return before === undefined || before === this.#surroundings;
  }

  /** Sets the process up for one function. Returns notes on what is not as the owner had it. */
  restore(header: HeaderRecord, record: DeferRecord): readonly RunNote[] {
    process.umask(header.umask);
    if (process.env !== this.#object) process.env = this.#object;
    this.#restoreEnvironment(record);
    const place = cwdOf(header, record);
    if (place !== null && enter(place)) return this.#notes;
    enterNowhere();
    return [...this.#notes, 'directory-gone'];
  }

  #restoreEnvironment({ env }: DeferRecord): void {
    const own = env && JSON.stringify(env);
    const before = this.#environment;
    // Most functions change nothing. To ask for each variable takes seventy times as long.
    if (before && before.own === own && ownEnvironment(before.bytes) === before.bytes) return;
    setEnvironment(env ? new Map([...this.#env, ...Object.entries(env)]) : this.#env);
    this.#environment = { own, bytes: ownEnvironment() };
  }
}

/** Null where the owner's directory was gone. */
function cwdOf(header: HeaderRecord, record: DeferRecord): Place | null {
  return record.cwd === undefined ? header.cwd : record.cwd;
}

/** @param wanted - a Map, since a plain object has more names than those of variables: `constructor`, for one */
function setEnvironment(wanted: ReadonlyMap<string, string | null | undefined>): void {
  const { env } = process;
  // Its names alone: `Object.keys` would ask for each whether it is there.
  for (const name of Reflect.ownKeys(env) as string[]) if (wanted.get(name) == null) delete env[name];
  for (const [name, value] of wanted) if (value != null && env[name] !== value) env[name] = value;
}

/** Enters the directory. False if it is gone; another directory of that name does not count. */
function enter(place: Place): boolean {
  // By the name it had, too: the function's own paths are built from that.
  if (isSamePlace(currentPlace(), place)) return true;
  return unlessRefused(() => {
    process.chdir(place.path);
    return isSamePlace(currentPlace(), place);
  }, false);
}

/**
 * Makes the working directory one in which every relative name fails, `..` too. A removed directory would not do: its `..`
 * still works, and `rm('../x', { force: true })` would remove a stranger's file or report success.
 */
function enterNowhere(): void {
  if (!isNowhere() && !enterEndedProcess()) enterClosedDirectory();
}

/** When a process has ended, every lookup in its directory of /proc gives ESRCH. False where there is none. */
function enterEndedProcess(): boolean {
  const { startWaitingProcess, endWaitingProcess } = nativeAddon();
  const pid = startWaitingProcess();
  if (isFailure(pid)) return false;
  try {
    return unlessRefused(() => {
      process.chdir(`/proc/${pid}`);
      return true;
    }, false);
  } finally {
    succeeded(endWaitingProcess(pid));
  }
}

function isNowhere(): boolean {
  try {
    statSync('.');
    return false;
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH';
  }
}

/** Without /proc: a nameless directory of mode 0, which only root could search. */
function enterClosedDirectory(): void {
  const parent = mkdtempSync(join(tmpdir(), 'deferred-sweep-'));
  const closed = join(parent, 'closed');
  mkdirSync(closed);
  process.chdir(closed);
  chmodSync(closed, 0);
  rmdirSync(closed);
  rmdirSync(parent);
}
