/** Reads lines of a bounded length. What is longer is told, and left out to its end; an error ends the reading. */
import type { Readable } from 'node:stream';
import { MAX_LINE_BYTES } from './protocol.ts';

export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #onFailure: () => void;
  #parts: Buffer[] = [];
  #length = 0;
  #isTooLong = false;
  #hasFailed = false;

  /** @param onFailure - told of each line that is too long, and of {@link fail}, after which no line follows */
  constructor(input: Readable, onLine: (line: string) => void, onFailure: () => void) {
    this.#onLine = onLine;
    this.#onFailure = onFailure;
    input.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  fail(): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#parts = [];
    this.#onFailure();
  }

  #read(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
      if (this.#hasFailed) return;
      this.#keep(chunk.subarray(from, end));
      const line = this.#isTooLong ? undefined : Buffer.concat(this.#parts, this.#length).toString();
      this.#parts = [];
      this.#length = 0;
      this.#isTooLong = false;
      from = end + 1;
      if (line !== undefined) this.#onLine(line);
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    if (this.#hasFailed || this.#isTooLong || part.length === 0) return;
    this.#length += part.length;
    this.#parts.push(part);
    if (this.#length <= MAX_LINE_BYTES) return;
    this.#isTooLong = true;
    this.#parts = [];
    this.#onFailure();
  }
}
