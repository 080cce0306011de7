/** What a process prints, up to a limit. The rest is read and dropped: a full pipe would keep the process waiting. */
import type { Readable } from 'node:stream';

export class BoundedOutput {
  isCut = false;
  readonly #parts: Buffer[] = [];
  #leftBytes: number;

  constructor(output: Readable | null, maxBytes: number) {
    this.#leftBytes = maxBytes;
    output?.on('error', () => {});
    output?.on('data', (chunk: Buffer) => {
      const kept = chunk.subarray(0, this.#leftBytes);
      if (kept.length < chunk.length) this.isCut = true;
      // A copy: a chunk may be a small part of a large buffer.
      if (kept.length > 0) this.#parts.push(Buffer.from(kept));
      this.#leftBytes -= kept.length;
    });
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }
}
