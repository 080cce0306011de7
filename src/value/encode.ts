import { requireReadable } from './bounds.ts';
import { encode } from './codec.ts';
import { MAX_ITEMS, MAX_VALUE_BYTES } from './limits.ts';
import { type EncodeFunction, TreeBuilder } from './tree-builder.ts';
import { ValuePath } from './value-path.ts';

/**
 * Returns CBOR from which {@link restore} makes an equal value, in the sense of `assert.deepStrictEqual`, with the same
 * cycles and shared references. The value may change afterwards, the snapshot does not. No code of the value runs.
 * Of the program `Error.prepareStackTrace` may: an error's stack is made when it is first read.
 * What is stored, and how: docs/format.md, "Values". Not kept, as `deepStrictEqual` does not look at it: that an object is
 * frozen or a property read-only; of a view all but the bytes it shows; on errors, marks that are not enumerable.
 * @param rootName - what the value is called in errors, e.g. `args`
 * @param encodeFunction - without it functions are refused
 * @throws DeferredSweepError
 * - `DEFERRED_VALUE_REFUSED` with `valuePath` for all else, such as class instances, functions, accessors, holes, views that
 *   share a buffer, values of another realm; and for what is nested deeper than `MAX_VALUE_DEPTH`, a Map or Set counting twice
 * - `DEFERRED_TOO_LARGE` for more than `MAX_VALUE_BYTES` or `MAX_ITEMS`
 */
export function snapshot(value: unknown, rootName: string, encodeFunction?: EncodeFunction): Buffer {
  const bytes = encode(new TreeBuilder(rootName, encodeFunction).build(value));
  if (bytes.length > MAX_VALUE_BYTES) throw new ValuePath(rootName).tooLarge();
  // What a decoder refuses must not be written. So few bytes are not too many items, and TreeBuilder bounds the depth.
  if (bytes.length > MAX_ITEMS) requireReadable(bytes, cause => new ValuePath(rootName).tooLarge(cause));
  return bytes;
}
