/** Whose code a function is, remembered for each file: the walk takes 0.1 ms, a registration some microseconds. */
import { systemErrorCode } from '../errors.ts';
import { ownersOf } from './code-owners.ts';

const known = new Map<string, readonly number[]>();
const MOST_KNOWN = 10_000;

/** As {@link ownersOf}, asked once for each path in this process; none where the way there cannot be walked. */
export function knownOwnersOf(path: string): readonly number[] {
  let owners = known.get(path);
  if (owners === undefined) {
    owners = walkOnce(path);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(path, owners);
  }
  return owners;
}

function walkOnce(path: string): readonly number[] {
  try {
    return ownersOf(path);
  } catch (error) {
    // What cannot be looked at has no owner that could be trusted later.
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
}
