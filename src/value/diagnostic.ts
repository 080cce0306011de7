/**
 * CBOR as text for people: diagnostic notation, RFC 8949 section 8. Reads bytes that others wrote, runs nothing of them, and
 * never throws: what is no CBOR is said in the text. Pure.
 */

/** Deeper items are not shown. */
const MAX_DEPTH = 100;

/**
 * The notation of one item.
 * @param mostCharacters - the text is cut there, with an ellipsis
 */
export function diagnose(bytes: Uint8Array, mostCharacters: number = Number.POSITIVE_INFINITY): string {
  const writer = new Diagnosis(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), mostCharacters);
  writer.item(0);
  return writer.text;
}

class Diagnosis {
  readonly #bytes: Buffer;
  readonly #most: number;
  #at = 0;
  text = '';
  #isOver = false;

  constructor(bytes: Buffer, most: number) {
    this.#bytes = bytes;
    this.#most = most;
  }

  item(depth: number): undefined {
    if (this.#isOver) return;
    if (depth > MAX_DEPTH || this.#at >= this.#bytes.length) return this.#fail();
    const initial = this.#bytes[this.#at++]!;
    const major = initial >> 5;
    const additional = initial & 31;
    const start = this.#at;
    const argument = this.#argument(additional);
    if (argument === undefined) return this.#fail();
    switch (major) {
      case 0:
        return this.#write(`${argument}`);
      case 1:
        return this.#write(`${-1n - argument}`);
      case 2:
        return this.#string(argument, bytes => `h'${bytes.toString('hex')}'`);
      case 3:
        return this.#string(argument, bytes => JSON.stringify(bytes.toString('utf8')));
      case 4:
        return this.#items('[', ']', argument, () => this.item(depth + 1));
      case 5:
        return this.#items('{', '}', argument, () => {
          this.item(depth + 1);
          this.#write(': ');
          this.item(depth + 1);
        });
      case 6:
        return this.#items(`${argument}(`, ')', 1n, () => this.item(depth + 1));
      default:
        this.#write(this.#simple(additional, argument, start));
    }
  }

  #argument(additional: number): bigint | undefined {
    if (additional < 24) return BigInt(additional);
    const length = [1, 2, 4, 8][additional - 24];
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined;
    let value = 0n;
    for (const byte of this.#bytes.subarray(this.#at, this.#at + length))
      value = (value << 8n) | BigInt(byte);
    this.#at += length;
    return value;
  }

  #string(length: bigint, show: (bytes: Buffer) => string): undefined {
    const end = this.#at + Number(length);
    if (end > this.#bytes.length) return this.#fail();
    // What will be cut off need not be made.
    const shown = Math.min(end, this.#at + Math.max(0, this.#most - this.text.length) * 4 + 4);
    this.#write(show(this.#bytes.subarray(this.#at, shown)));
    this.#at = end;
  }

  #items(open: string, close: string, count: bigint, one: () => void): undefined {
    this.#write(open);
    for (let index = 0n; index < count && !this.#isOver; index++) {
      if (index > 0n) this.#write(', ');
      one();
    }
    this.#write(close);
  }

  /** @param start - where the bytes of `argument` begin */
  #simple(additional: number, argument: bigint, start: number): string {
    const name = { 20: 'false', 21: 'true', 22: 'null', 23: 'undefined' }[additional];
    if (name !== undefined) return name;
    if (additional === 25) return floating(half(this.#bytes.readUInt16BE(start)));
    if (additional === 26) return floating(this.#bytes.readFloatBE(start));
    return additional === 27 ? floating(this.#bytes.readDoubleBE(start)) : `simple(${argument})`;
  }

  #write(text: string): undefined {
    if (this.#isOver) return;
    this.text += text;
    if (this.text.length <= this.#most) return;
    this.text = `${this.text.slice(0, this.#most)}…`;
    this.#isOver = true;
  }

  #fail(): undefined {
    this.#write(`<no CBOR at byte ${this.#at}>`);
    this.#isOver = true;
  }
}

function floating(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}

/** RFC 8949 appendix D. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (mantissa + 1024) * 2 ** (exponent - 25);
}
