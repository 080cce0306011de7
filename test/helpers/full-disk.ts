import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A file system of 64 KiB, or the reason why this process may not mount one. Gone at the end of the test. */
export function mountTinyDisk(t: TestContext): { path: string } | { missing: string } {
  const path = mkdtempSync(join(tmpdir(), 'deferred-sweep-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', path], {
    encoding: 'utf8',
  });
  t.after(() => {
    // Lazily: a child of the test may not have ended yet.
    if (mounted.status === 0) spawnSync('umount', ['-l', path]);
    rmdirSync(path);
  });
  return mounted.status === 0 ? { path } : { missing: `NOT TESTED: cannot mount a tmpfs: ${mounted.stderr}` };
}
