import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { addonPath } from '#dist/lock/native.js';
import { packageRoot } from './command-line.ts';

/** The URL of another copy of this package, as a second installed version is one. It is removed at the end of the test. */
export function packageCopy(t: TestContext): string {
  const copy = mkdtempSync(join(packageRoot, 'dist-test', 'project-'));
  t.after(() => rmSync(copy, { recursive: true }));
  cpSync(join(packageRoot, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(packageRoot, 'package.json'), join(copy, 'package.json'));
  cpSync(addonPath(), join(copy, 'build/Release/deferred_sweep.node'));
  return pathToFileURL(join(copy, 'dist', 'index.js')).href;
}
