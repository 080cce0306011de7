import { fstatSync, readdirSync, statSync } from 'node:fs';
import { unlessRefused } from '../../errors.ts';
import { inodeKey } from '../../lock/held-file.ts';

/** The descriptor of this process that is open on the job's locked state file; undefined when its file was removed. */
export function lockedDescriptor(path: string): number | undefined {
  const named = unlessRefused(() => statSync(path, { bigint: true }), undefined);
  if (named === undefined) return undefined;
  return readdirSync('/dev/fd')
    .map(Number)
    .find(fd => unlessRefused(() => inodeKey(fstatSync(fd, { bigint: true })) === inodeKey(named), false));
}
