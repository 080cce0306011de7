/** Takes what a runner prints apart by function: `runner/output-mark.ts` has the marks. */
import { markBytes } from '../../runner/output-mark.ts';

/** A line that is longer comes in pieces. */
const MAX_LINE_BYTES = 64 * 1024;
/** A mark with the name of a function is shorter. */
const MAX_MARK_BYTES = 4 * 1024;
const LINE_END = 0x0a;
const NOTHING = Buffer.alloc(0);

export class LabelledOutput {
  readonly #mark: Buffer;
  readonly #onLines: (name: string | undefined, lines: Buffer) => boolean;
  #name: string | undefined;
  /** The beginning of a line. */
  #rest: Buffer = NOTHING;

  /** @param onLines - given whole lines of one function, or the end of its output */
  constructor(mark: string, onLines: (name: string | undefined, lines: Buffer) => boolean) {
    this.#mark = markBytes(mark);
    this.#onLines = onLines;
  }

  /** Returns false if a listener did. */
  read(chunk: Buffer): boolean {
    let isTaken = true;
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (let at = bytes.indexOf(this.#mark); at !== -1; at = bytes.indexOf(this.#mark)) {
      const end = bytes.indexOf(LINE_END, at);
      if (end === -1) break;
      isTaken = this.#give(bytes.subarray(0, at)) && isTaken;
      this.#name = bytes.toString('utf8', at + this.#mark.length, end);
      bytes = bytes.subarray(end + 1);
    }
    const whole = bytes.lastIndexOf(LINE_END) + 1;
    isTaken = this.#give(bytes.subarray(0, whole)) && isTaken;
    const rest = bytes.subarray(whole);
    const piece = rest.length > MAX_LINE_BYTES ? rest.subarray(0, rest.length - markedBytes(rest)) : NOTHING;
    isTaken = this.#give(piece) && isTaken;
    this.#rest = Buffer.from(rest.subarray(piece.length));
    return isTaken;
  }

  /** Gives what is there of the last line. */
  end(): boolean {
    const rest = this.#rest;
    this.#rest = NOTHING;
    return this.#give(rest);
  }

  #give(lines: Buffer): boolean {
    return lines.length === 0 || this.#onLines(this.#name, lines);
  }
}

/** How many bytes at the end may be the beginning of a mark. */
function markedBytes(rest: Buffer): number {
  const at = rest.lastIndexOf(0);
  return at < 0 || rest.length - at > MAX_MARK_BYTES ? 0 : rest.length - at;
}
