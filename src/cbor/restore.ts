import { checkBounds } from './bounds.ts';
import { decodeChecked } from './codec.ts';
import { type DecodeFunction, Reviver } from './reviver.ts';

export type { DecodeFunction } from './reviver.ts';

/** Options of {@link restore}. */
export interface RestoreOptions {
  decodeFunction?: DecodeFunction | undefined;
}

export function restore(bytes: Uint8Array, options: RestoreOptions = {}): unknown {
  const hasSpecial = checkBounds(bytes);
  const tree = decodeChecked(bytes);
  return hasSpecial ? new Reviver(options.decodeFunction).revive(tree) : tree;
}
