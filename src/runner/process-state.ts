/**
 * What functions of one runner share, whichever owner registered them, and any of them may change: environment, umask,
 * working directory. Each function finds what its owner had.
 */
import { statSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import type { DeferRecord, HeaderRecord, Place } from '../state/record.ts';
import type { RunNote } from '../sweep/report.ts';
import { enterNowhere } from './nowhere.ts';

export class ProcessState {
  readonly #env = { ...process.env };
  readonly #notes: readonly RunNote[];

  /** @param notes - what no function of this runner has */
  constructor(notes: readonly RunNote[]) {
    this.#notes = notes;
  }

  /** Sets all of it up for one function. Returns what is not as the owner had it. */
  async restore(header: HeaderRecord, record: DeferRecord): Promise<readonly RunNote[]> {
    process.umask(header.umask);
    this.#restoreEnvironment(record.env);
    const place = record.cwd === undefined ? header.cwd : record.cwd;
    if (place !== null && enter(place)) return this.#notes;
    await enterNowhere();
    return [...this.#notes, 'directory-gone'];
  }

  #restoreEnvironment(captured: DeferRecord['env']): void {
    const wanted = captured === undefined ? this.#env : { ...this.#env, ...captured };
    // One look at the whole is faster than one at each variable.
    const current = { ...process.env };
    for (const name of Object.keys(current)) if (wanted[name] == null) delete process.env[name];
    for (const [name, value] of Object.entries(wanted))
      if (value != null && current[name] !== value) process.env[name] = value;
  }
}

/** Returns whether this process is in that very directory now: not one that has the name since. */
function enter(place: Place): boolean {
  if (isIn(place)) return true;
  return unlessRefused(() => {
    process.chdir(place.path);
    return isIn(place);
  }, false);
}

function isIn({ path, inode, uid }: Place): boolean {
  return unlessRefused(() => {
    const stat = statSync('.', { bigint: true });
    const isSame = inodeKey(stat) === inode && Number(stat.uid) === uid && stat.nlink > 0n;
    // By another name it would be another directory for what the function calls its own.
    return isSame && process.cwd() === path;
  }, false);
}
