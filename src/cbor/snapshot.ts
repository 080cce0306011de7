import { encode } from './codec.ts';
import { MAX_VALUE_BYTES } from './limits.ts';
import { isPlain } from './plain.ts';
import { type EncodeFunction, TreeBuilder, tooLarge } from './tree-builder.ts';

export type { EncodeFunction } from './tree-builder.ts';

/** Options of {@link snapshot}. */
export interface SnapshotOptions {
  /** TODOC */
  encodeFunction?: EncodeFunction | undefined;
}

export function snapshot(value: unknown, rootName: string, options: SnapshotOptions = {}): Buffer {
  const bytes = encode(
    isPlain(value) ? value : new TreeBuilder(rootName, options.encodeFunction).build(value),
  );
  if (bytes.length > MAX_VALUE_BYTES) throw tooLarge(rootName);
  return bytes;
}
