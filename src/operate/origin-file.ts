/** The state file that a dead letter came from. */
import { openSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { replay } from '../log/replay.ts';
import { readAll } from '../state/file-io.ts';
import { partsOfName } from '../state/names.ts';
import { READ_FLAGS } from '../state/open-patiently.ts';
import type { StateDirectory } from '../state/state-directory.ts';

/**
 * Whether the function of a letter may still run from its state file: a sweep that wrote the letter was killed before it
 * could say so there. What was final once is so for ever: no lock is needed to read it.
 */
export function isPendingIn(directory: StateDirectory, letterName: string): boolean {
  const functionId = partsOfName(letterName)?.functionId;
  if (functionId === undefined) return false;
  const path = directory.pathOf(letterName.slice(0, letterName.lastIndexOf('-')));
  const fd = unlessRefused(() => openSync(path, READ_FLAGS), undefined, 'ENOENT');
  if (fd === undefined) return false;
  try {
    return replay(readAll(fd, path)).functions.get(functionId)?.isPending === true;
  } finally {
    closeDescriptor(fd);
  }
}
