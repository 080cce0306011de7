import { fstatSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';

/** What is open under this number. Undefined if nothing is. */
export function inodeOf(fd: number): string | undefined {
  return unlessRefused(() => inodeKey(fstatSync(fd)), undefined);
}
