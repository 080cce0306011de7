import { readdirSync } from 'node:fs';
import { unlessRefused } from '../../errors.ts';
import { namesLockedFile } from '../../lock/held-file.ts';

/** The descriptor of this process that is open on the job's locked state file; undefined when its file was removed. */
export function lockedDescriptor(path: string): number | undefined {
  return readdirSync('/dev/fd')
    .map(Number)
    .find(fd => unlessRefused(() => namesLockedFile(fd, path), false));
}
