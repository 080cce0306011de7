import assert from 'node:assert/strict';

/** A tag and its content, as {@link readItem} gives it. */
export class Tagged {
  readonly tag: number;
  readonly content: unknown;
  constructor(tag: number, content: unknown) {
    this.tag = tag;
    this.content = content;
  }
}

/** Reads one CBOR item, as {@link readItems}. */
export function readItem(bytes: Uint8Array): unknown {
  const items = readItems(bytes);
  assert.equal(items.length, 1, 'not one item');
  return items[0];
}

/**
 * Reads a CBOR sequence (RFC 8742) by the book (RFC 8949 section 3), with nothing in common with the code under test. Maps
 * give plain objects. Throws when the last item is cut short.
 */
export function readItems(bytes: Uint8Array): unknown[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: unknown[] = [];
  let at = 0;
  while (at < bytes.length) items.push(read());
  return items;

  function read(): unknown {
    const initial = view.getUint8(at++);
    const info = initial & 0x1f;
    switch (initial >> 5) {
      case 0:
        return readArgument(info);
      case 1:
        return -1 - readArgument(info);
      case 2:
        return readBytes(readArgument(info));
      case 3:
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
          readBytes(readArgument(info)),
        );
      case 4:
        return Array.from({ length: readArgument(info) }, read);
      case 5:
        return Object.fromEntries(Array.from({ length: readArgument(info) }, () => [read(), read()]));
      case 6:
        return new Tagged(readArgument(info), read());
      default:
        return readSimple(info);
    }
  }

  function readArgument(info: number): number {
    if (info < 24) return info;
    assert.ok(info < 28, 'an indefinite length');
    const width = 2 ** (info - 24);
    let argument = 0;
    for (let i = 0; i < width; i++) argument = argument * 256 + view.getUint8(at++);
    return argument;
  }

  function readBytes(length: number): Uint8Array {
    assert.ok(at + length <= bytes.length, 'a string is cut short');
    at += length;
    return new Uint8Array(bytes.subarray(at - length, at));
  }

  function readSimple(info: number): unknown {
    const start = at;
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 23:
        return undefined;
      case 25: {
        at += 2;
        const half = view.getUint16(start);
        const magnitude = halfMagnitude((half >> 10) & 0x1f, half & 0x3ff);
        return half & 0x8000 ? -magnitude : magnitude;
      }
      case 26:
        at += 4;
        return view.getFloat32(start);
      case 27:
        at += 8;
        return view.getFloat64(start);
      default:
        return assert.fail(`simple value ${info}`);
    }
  }
}

/** RFC 8949 appendix D. */
function halfMagnitude(exponent: number, mantissa: number): number {
  if (exponent === 0) return mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  return (mantissa + 1024) * 2 ** (exponent - 25);
}
