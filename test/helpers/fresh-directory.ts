import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** An empty directory of mode 0700 that is removed, with all in it, at the end of the test. */
export function freshDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'deferred-sweep-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
