import { requireReadable } from './bounds.ts';
import { encode } from './codec.ts';
import { MAX_ITEMS, MAX_VALUE_BYTES } from './limits.ts';
import { type EncodeFunction, TreeBuilder } from './tree-builder.ts';
import { ValuePath } from './value-path.ts';

/**
 * Returns CBOR from which {@link restore} makes an equal value, in the sense of `assert.deepStrictEqual`, with the same
 * cycles and shared references. The value may change afterwards, the snapshot does not. No code of the value runs.
 * Of the program `Error.prepareStackTrace` may run: an error's stack is made when it is first read.
 *
 * Stored: undefined, null, booleans, numbers, bigints, strings; plain objects, objects without prototype, arrays; Date,
 * RegExp with its lastIndex, Map, Set; Buffer, typed arrays, DataView and ArrayBuffer; errors of the built-in classes with
 * name, message, stack, cause, errors and their enumerable properties. What plain CBOR can say is plain CBOR, everything
 * else stands under a tag: docs/format.md.
 *
 * Not kept, as `deepStrictEqual` does not look at it: that an object is frozen or a property read-only; of a view
 * anything but the bytes it shows; on errors other properties that are not enumerable, such as the marks Node puts there.
 *
 * @param rootName what the value is called in errors, e.g. `args`.
 * @param encodeFunction without it functions are refused.
 * @throws DeferredSweepError
 * - `DEFERRED_VALUE_REFUSED` with `valuePath` for what would not come back equal: functions, symbols, class instances, promises, weak collections, boxed primitives, shared
 *   memory, views that share a buffer, proxies, getters and setters, holes in arrays, properties that are not enumerable or whose key is a symbol or `__proto__` or no UTF-8,
 *   extra properties on anything but plain objects and errors, what was made as something else than its prototype says, values of another realm (`node:vm`), and what is nested
 *   deeper than `MAX_VALUE_DEPTH`, a Map or Set counting twice.
 * - `DEFERRED_TOO_LARGE` for more than `MAX_VALUE_BYTES` or `MAX_ITEMS`.
 */
export function snapshot(value: unknown, rootName: string, encodeFunction?: EncodeFunction): Buffer {
  const bytes = encode(new TreeBuilder(rootName, encodeFunction).build(value));
  if (bytes.length > MAX_VALUE_BYTES) throw new ValuePath(rootName).tooLarge();
  // What a decoder refuses must not be written. So few bytes are not too many items, and TreeBuilder bounds the depth.
  if (bytes.length > MAX_ITEMS) requireReadable(bytes, cause => new ValuePath(rootName).tooLarge(cause));
  return bytes;
}
