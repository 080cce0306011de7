import type { StateContents } from '../log/contents.ts';
import type { Mark, ReportedError, RetryRecord } from '../log/records.ts';
import { reportOf } from '../report/reported-error.ts';
import type { StateFile } from '../state/state-file.ts';

/** The offset of a registration in a file that has moved: its records have other places now. */
export const NOWHERE = -1;

/** The functions of a job that callers may still cancel or run. Reads one of them again without the others. */
export class WaitingFunctions {
  /** By id: where in the file the registration begins, or {@link NOWHERE}. */
  readonly #offsets = new Map<number, number>();
  readonly #running = new Set<number>();
  /** By id: what attempts of the function wrote. */
  readonly #tried = new Map<number, readonly (Mark | RetryRecord)[]>();

  get size(): number {
    return this.#offsets.size;
  }

  has(id: number): boolean {
    return this.#offsets.has(id) && !this.#running.has(id);
  }

  add(id: number, offset: number): void {
    this.#offsets.set(id, offset);
  }

  remove(id: number): void {
    this.#offsets.delete(id);
    this.#running.delete(id);
    this.#tried.delete(id);
  }

  /** An attempt begins: until {@link putBack} the function does not wait. */
  takeOut(id: number): void {
    this.#running.add(id);
  }

  /** The function may be tried again. @param marks - of all its attempts */
  putBack(id: number, marks: readonly (Mark | RetryRecord)[]): void {
    this.#running.delete(id);
    this.#tried.set(id, marks);
  }

  forgetOffsets(): void {
    for (const id of this.#offsets.keys()) this.#offsets.set(id, NOWHERE);
  }

  /** What to report where registrations are not in the file any more: a stranger has written to it, or put an older copy there. */
  missingIn({ functions }: StateContents, path: string): ReportedError | undefined {
    const missing = [...this.#offsets.keys()].filter(id => !functions.has(id));
    if (missing.length === 0) return undefined;
    const message =
      `cannot run ${missing.length} of the functions that were registered in ${path}: another process has written ` +
      'to it, and their records are gone; find out which, and do by hand what they would have done';
    return reportOf('DEFERRED_STATE_CORRUPT', message);
  }

  /** The contents of the file with this function alone. Undefined if its bytes are not where it was written. */
  read(id: number, file: StateFile): StateContents | undefined {
    const offset = this.#offsets.get(id) ?? NOWHERE;
    const contents = offset === NOWHERE ? undefined : file.readRegistration(offset);
    if (!contents?.functions.has(id)) return undefined;
    for (const mark of this.#tried.get(id) ?? []) contents.apply(mark);
    return contents;
  }
}
