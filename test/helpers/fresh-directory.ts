import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemErrorCode } from '#dist/errors.js';

/** An empty directory of mode 0700 that is removed, with all in it, at the end of the test. */
export function freshDirectory(t: TestContext, parent: string = tmpdir()): string {
  const path = mkdtempSync(join(parent, 'deferred-sweep-test-'));
  const remove = (): void => {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      // FUSE (and NFS) keep a file that is open, under another name, until it is closed: a later hook may do that.
      if (systemErrorCode(error) !== 'ENOTEMPTY') throw error;
    }
  };
  t.after(remove);
  process.once('exit', remove);
  return path;
}
