/** What a disk was told, and what may be on it when the power goes: the log that `logged_disk.c` writes. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

const ENTRY_BYTES = 12;
const FLUSH = 0xffffffff;

interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Reads a log entry by entry, and keeps an image of what is certainly on the disk by then. */
export class DiskLog {
  readonly #log: number;
  readonly #image: number;
  #position = 0;
  /** Written since the last flush: each of them is on the disk, or not, as the disk likes. */
  #volatile: Write[] = [];

  /** @param image - the disk as it was before the first entry; every flushed write is made in it */
  constructor(log: string, image: string) {
    this.#log = openSync(log, 'r');
    this.#image = openSync(image, 'r+');
  }

  /** Goes on to the first end of an entry at or behind `position`, or to the end of the log. Returns where that is. */
  advance(position: number): number {
    const { size } = fstatSync(this.#log);
    while (this.#position < position && this.#position + ENTRY_BYTES <= size) this.#next();
    return this.#position;
  }

  /** What a power cut now leaves of the writes since the last flush: those for which `survives` says so. */
  applyVolatile(image: string, survives: (index: number) => boolean): void {
    const fd = openSync(image, 'r+');
    for (const [index, { bytes, offset }] of this.#volatile.entries()) {
      if (survives(index)) writeSync(fd, bytes, 0, bytes.length, offset);
    }
    closeSync(fd);
  }

  get volatileWrites(): number {
    return this.#volatile.length;
  }

  close(): void {
    closeSync(this.#log);
    closeSync(this.#image);
  }

  #next(): void {
    const head = this.#read(ENTRY_BYTES);
    const length = head.readUInt32LE(8);
    if (length === FLUSH) {
      for (const { bytes, offset } of this.#volatile) writeSync(this.#image, bytes, 0, bytes.length, offset);
      this.#volatile = [];
    } else {
      this.#volatile.push({ offset: Number(head.readBigUInt64LE(0)), bytes: this.#read(length) });
    }
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const count = readSync(this.#log, bytes, 0, length, this.#position);
    if (count < length) throw new Error(`the log ends within an entry at ${this.#position}`);
    this.#position += length;
    return bytes;
  }
}
