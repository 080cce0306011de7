import types from 'node:util/types';
import { hasExtraProperties, refusalOfExtra } from './own-properties.ts';
import type { ValuePath } from './value-path.ts';

/** Parts of one buffer, and where the last of them ends. */
interface Parts {
  readonly all: { readonly start: number; readonly end: number }[];
  end: number;
  /** True: all are Buffers, of which Node puts many into one buffer. */
  readonly arePooled: boolean;
}

/** The bytes of the buffers and views in a value. Each is restored with a buffer of its own, so no two may share one. */
export class ShownBytes {
  readonly #byBuffer = new Map<ArrayBufferLike, Parts>();

  /** The bytes that a view or buffer shows: those around them may be another value's. @throws what `path` refuses */
  of(value: ArrayBufferView | ArrayBuffer, path: ValuePath): Uint8Array {
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    if (types.isSharedArrayBuffer(buffer)) throw path.refusalOf(buffer);
    if ((buffer as { resizable?: boolean }).resizable === true)
      throw path.refusal(
        'it is a resizable buffer, or a view of one',
        'pass a copy of fixed length, value.slice()',
      );
    if (isDetached(buffer))
      throw path.refusal(
        'its buffer is detached: the bytes were transferred',
        'pass it before that, or pass a copy',
      );
    if (ArrayBuffer.isView(value) && hasExtraProperties(value)) {
      const name = Object.keys(value).find(key => String(Number(key)) !== key) ?? 'property';
      throw refusalOfExtra(path, 'a view of bytes', name);
    }
    const start = ArrayBuffer.isView(value) ? value.byteOffset : 0;
    if (value.byteLength > 0)
      this.#add(buffer, start, start + value.byteLength, Buffer.isBuffer(value), path);
    return new Uint8Array(buffer, start, value.byteLength);
  }

  #add(buffer: ArrayBufferLike, start: number, end: number, isPooled: boolean, path: ValuePath): void {
    const parts = this.#byBuffer.get(buffer) ?? { all: [], end: 0, arePooled: isPooled };
    const isShared = parts.all.length > 0 && !(isPooled && parts.arePooled);
    // Most are met in order, as Node's pool gives them: then none is compared with all the others.
    if (isShared || (start < parts.end && parts.all.some(part => part.start < end && start < part.end)))
      throw path.refusal(
        'it shares its buffer with another one or a view in the value',
        'pass a copy, such as structuredClone(value)',
      );
    parts.all.push({ start, end });
    parts.end = Math.max(parts.end, end);
    this.#byBuffer.set(buffer, parts);
  }
}

/** Whether the bytes of a buffer are gone; `detached` is there since Node 21. */
function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    void new Uint8Array(buffer);
    return false;
  } catch {
    // A TypeError, of this or another realm: nothing else comes from a buffer of no bytes.
    return true;
  }
}
