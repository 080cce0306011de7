/**
 * Marks in what functions print. Only in the pipe itself can the sweeper tell where the output of one function ends and that
 * of the next begins: the event pipe is read at other times.
 */
import { fstatSync, writeSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';

/** The bytes before a function's name; a line end comes after it. @param mark - random, so that no output has it */
export function markBytes(mark: string): Buffer {
  return Buffer.from(`\0${mark}:`, 'latin1');
}

export class OutputMarks {
  readonly #mark: string;
  /** The pipes at the start. A function may have closed one, and its number may now be a file of the function's. */
  readonly #pipes: ReadonlyMap<number, string | undefined> = new Map([1, 2].map(fd => [fd, identity(fd)]));

  constructor(mark: string) {
    this.#mark = mark;
  }

  /** From here on the output is this function's. Output that cannot be marked is taken for the one before. */
  begin(name: string): void {
    const bytes = Buffer.concat([markBytes(this.#mark), Buffer.from(`${name.replaceAll('\n', ' ')}\n`)]);
    for (const [fd, pipe] of this.#pipes)
      if (pipe !== undefined && identity(fd) === pipe) unlessRefused(() => writeSync(fd, bytes), 0);
  }
}

function identity(fd: number): string | undefined {
  return unlessRefused(() => inodeKey(fstatSync(fd)), undefined);
}
