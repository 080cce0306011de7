import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CodeCheck } from '#dist/runner/code-check.js';
import { NOTHING_MORE } from '#dist/trust/trust.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { notRoot } from '../helpers/users.ts';

const STRANGER = 4321;

test('where others can make names, a change of owner is noticed at once, also of what was missing', {
  skip: notRoot,
}, t => {
  // Below /tmp.
  const directory = join(freshDirectory(t), 'code');
  const path = join(directory, 'program');
  const make = (): void => {
    mkdirSync(directory);
    writeFileSync(path, '');
  };
  const check = new CodeCheck(NOTHING_MORE);
  const ask = (): void => check.check({ kind: 'command', file: path, argv: [] }, []);
  make();
  ask();
  chownSync(directory, STRANGER, STRANGER);
  assert.throws(ask, { code: 'DEFERRED_OWNER_CHANGED' });
  rmSync(directory, { recursive: true });
  ask();
  make();
  chownSync(directory, STRANGER, STRANGER);
  assert.throws(ask, { code: 'DEFERRED_OWNER_CHANGED' });
});

test('where the code is of another user, a change to a third one is noticed at once', {
  skip: notRoot,
}, t => {
  // On the way there only root and the owner can make names.
  const directory = mkdtempSync(join(homedir(), '.deferred-sweep-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'program');
  writeFileSync(path, '');
  const check = new CodeCheck(NOTHING_MORE);
  const ask = (): void => check.check({ kind: 'command', file: path, argv: [] }, [STRANGER]);
  chownSync(directory, STRANGER, STRANGER);
  ask();
  chownSync(directory, STRANGER + 1, STRANGER + 1);
  assert.throws(ask, { code: 'DEFERRED_OWNER_CHANGED' });
});
