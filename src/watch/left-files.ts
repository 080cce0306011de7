/**
 * State files that a sweep left: when each is looked at again, and whether it has changed since. A sweep that opens a file
 * for writing makes an event when it closes it; so an event of a file that has not changed tells nothing.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import { monotonicMs } from '../stop.ts';

/** Between looks at a file that stays as it is. Pauses double. */
const FIRST_PAUSE_MS = 1000;
/** Between looks at a file whose lock should be free in a moment. All of them take some 250 ms. */
const FIRST_GLANCE_MS = 2;
const MOST_GLANCES = 7;

interface LeftFile {
  /** What the file was when the sweep had left it. Undefined: its owner, or another sweep, has it. */
  readonly stamp: string | undefined;
  readonly dueAtMs: number;
  /** Looks in a row that found nothing new. */
  readonly fruitless: number;
}

export class LeftFiles {
  readonly #directory: string;
  readonly #longestMs: number;
  readonly #files = new Map<string, LeftFile>();

  /** @param longestMs - the longest pause where no function tells when it may run */
  constructor(directory: string, longestMs: number) {
    this.#directory = directory;
    this.#longestMs = longestMs;
  }

  /**
   * Notes a file that is there and not locked.
   * @param inMs - time until one of its functions may run; undefined: nothing tells, or it has a fault
   * @param hasRun - the sweep has run one of its functions
   */
  leave(name: string, inMs: number | undefined, hasRun: boolean): void {
    const isTold = inMs !== undefined && (inMs > 0 || hasRun);
    const fruitless = isTold ? 0 : this.#fruitless(name, false) + 1;
    // One more: a sweep counts whole milliseconds.
    const waitMs = isTold ? inMs + 1 : this.#pause(FIRST_PAUSE_MS, fruitless);
    this.#note(name, this.#stampOf(name), fruitless, waitMs);
  }

  /**
   * Notes a file whose lock another process has, although an event told of its end. The kernel tells of a closing before it
   * drops the lock. The death of a sweep makes no event, since it had the file open for reading: its files are looked at until
   * they are free.
   */
  leaveLocked(name: string, isSwept: boolean): void {
    const fruitless = this.#fruitless(name, true) + 1;
    if (!isSwept && fruitless > MOST_GLANCES) {
      this.#files.delete(name);
      return;
    }
    const waitMs = this.#pause(isSwept ? FIRST_PAUSE_MS : FIRST_GLANCE_MS, fruitless);
    this.#note(name, undefined, fruitless, waitMs);
  }

  /** Notes a file that was moved here. Most were by their owner, which holds the lock; many of those are gone in a moment. */
  expect(name: string): void {
    if (!this.#files.has(name)) this.#note(name, undefined, MOST_GLANCES, FIRST_PAUSE_MS);
  }

  forget(name: string): void {
    this.#files.delete(name);
  }

  /** Forgets files that are not among these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#files.keys()) if (!names.has(name)) this.#files.delete(name);
  }

  /** Whether an event of this file is to be followed: it is there, and not as a sweep left it. What was noted is void then. */
  hasChanged(name: string): boolean {
    const stamp = this.#stampOf(name);
    if (stamp !== undefined && stamp === this.#files.get(name)?.stamp) return false;
    this.#files.delete(name);
    return stamp !== undefined;
  }

  /** The files whose time has come, if they are still there. They are told once, until they are left again. */
  takeDue(): string[] {
    const nowMs = monotonicMs();
    const due: string[] = [];
    for (const [name, file] of this.#files) {
      if (file.dueAtMs > nowMs) continue;
      this.#files.set(name, { ...file, dueAtMs: Number.POSITIVE_INFINITY });
      if (this.#stampOf(name) === undefined) this.#files.delete(name);
      else due.push(name);
    }
    return due;
  }

  /** By `monotonicMs`; Infinity: none. */
  get nextAtMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAtMs } of this.#files.values()) next = Math.min(next, dueAtMs);
    return next;
  }

  #note(name: string, stamp: string | undefined, fruitless: number, inMs: number): void {
    this.#files.set(name, { stamp, fruitless, dueAtMs: monotonicMs() + inMs });
  }

  #fruitless(name: string, isLocked: boolean): number {
    const known = this.#files.get(name);
    return known && (known.stamp === undefined) === isLocked ? known.fruitless : 0;
  }

  #pause(firstMs: number, fruitless: number): number {
    return Math.min(firstMs * 2 ** (fruitless - 1), this.#longestMs);
  }

  /** Undefined if the file is gone. What the system does not tell is no reason to look. */
  #stampOf(name: string): string | undefined {
    return unlessRefused(() => {
      const stat = lstatSync(join(this.#directory, name), { bigint: true, throwIfNoEntry: false });
      return stat && `${inodeKey(stat)}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
    }, undefined);
  }
}
