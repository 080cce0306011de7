import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemErrorCode } from '#dist/errors.js';

/** Those of tests that did not come to their end. */
const left = new Set<string>();
process.once('exit', () => left.forEach(remove));

/** An empty directory of mode 0700 that is removed, with all in it, at the end of the test, or of this process. */
export function freshDirectory(t: Pick<TestContext, 'after'>, parent: string = tmpdir()): string {
  const path = mkdtempSync(join(parent, 'deferred-sweep-test-'));
  left.add(path);
  t.after(() => remove(path));
  return path;
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    left.delete(path);
  } catch (error) {
    // FUSE (and NFS) keep a file that is open, under another name, until it is closed: a later hook may do that.
    if (systemErrorCode(error) !== 'ENOTEMPTY') throw error;
  }
}
