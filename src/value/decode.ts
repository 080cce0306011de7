import { DeferredSweepError } from '../errors.ts';
import { checkBounds } from './bounds.ts';
import { decodeChecked } from './codec.ts';
import { decodePlain } from './decode-plain.ts';
import { type DecodeFunction, Reviver } from './reviver.ts';

/**
 * A value equal to that of which the `snapshot` was taken, made of new objects. The bytes may be hostile: time and memory
 * are bounded by their length, nothing in them names a class, module or property to be called, and no prototype is
 * reached. A RegExp is compiled, not run; a hostile one may take for ever when the deferred function runs it.
 * @param decodeFunction - without it stored functions are refused
 * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` for bytes that `snapshot` cannot have written
 */
export function restore(bytes: Uint8Array, decodeFunction?: DecodeFunction): unknown {
  const plain = decodePlain(bytes, { withBytes: false });
  if (plain !== undefined) return plain;
  const hasSpecial = checkBounds(bytes);
  const tree = decodeChecked(bytes);
  return hasSpecial ? new Reviver(decodeFunction).revive(tree) : tree;
}

/** @param args - of a stored call, decoded. @throws `DEFERRED_STATE_CORRUPT` where they are no array */
export function listOf(args: unknown): never[] {
  if (Array.isArray(args)) return args as never[];
  throw new DeferredSweepError(
    'DEFERRED_STATE_CORRUPT',
    'cannot read the arguments of a stored call: they are no array',
  );
}
