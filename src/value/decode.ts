import { DeferredSweepError } from '../errors.ts';
import { checkBounds } from './bounds.ts';
import { decodeChecked } from './codec.ts';
import { type DecodeFunction, Reviver } from './reviver.ts';

export type { DecodeFunction } from './reviver.ts';

/** Options of {@link restore}. */
export interface RestoreOptions {
  /**
   * Called once for each stored function, with the stand-in that `encodeFunction` gave for it; what it returns takes the
   * function's place everywhere in the value.
   *
   * At the time of the call only the text, numbers and such of the stand-in are there, and plain arrays and objects with
   * these in them. What the stand-in holds beyond that is put into the same arrays and objects by the time `restore`
   * returns. So a function is made first, and gets its captured variables afterwards: keep the stand-in, and read
   * them from it after `restore`, or when the function is first called. This is the only order that works when a
   * function is captured by what it captures.
   * @defaultValue stored functions are refused.
   */
  decodeFunction?: DecodeFunction | undefined;
}

/**
 * Returns the value a `snapshot` was taken of, or an equal one, made of new objects.
 *
 * The bytes are data, and may be hostile: time and memory are bounded by their length, nothing in them names a class,
 * module or property to be called, and no prototype is reached. A RegExp is compiled, not run; one from a hostile file
 * may take for ever when the deferred function runs it. Functions are up to {@link RestoreOptions.decodeFunction}.
 * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` for bytes that `snapshot` cannot have written.
 */
export function restore(bytes: Uint8Array, options: RestoreOptions = {}): unknown {
  const hasSpecial = checkBounds(bytes);
  const tree = decodeChecked(bytes);
  return hasSpecial ? new Reviver(options.decodeFunction).revive(tree) : tree;
}

/** The arguments of a stored call, decoded. @throws `DEFERRED_STATE_CORRUPT` where they are no array */
export function listOf(args: unknown): never[] {
  if (Array.isArray(args)) return args as never[];
  throw new DeferredSweepError(
    'DEFERRED_STATE_CORRUPT',
    'cannot read the arguments of a stored call: they are no array',
  );
}
