/** Reads lines of a bounded length. A longer line, or an error, ends the reading. */
import type { Readable } from 'node:stream';
import { MAX_LINE_BYTES } from './protocol.ts';

export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #onFailure: () => void;
  #parts: Buffer[] = [];
  #length = 0;
  #hasFailed = false;

  /** @param onFailure - called once; no line follows */
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
      const line = Buffer.concat(this.#parts, this.#length).toString();
      this.#parts = [];
      this.#length = 0;
      from = end + 1;
      if (!this.#hasFailed) this.#onLine(line);
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    if (this.#hasFailed || part.length === 0) return;
    this.#length += part.length;
    if (this.#length > MAX_LINE_BYTES) this.fail();
    else this.#parts.push(part);
  }
}
