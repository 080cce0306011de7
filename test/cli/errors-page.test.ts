import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { packageRoot } from '../helpers/command-line.ts';

test('docs/errors.md has every code an error can carry, in the order of src/errors.ts, and no other', () => {
  const source = readFileSync(`${packageRoot}src/errors.ts`, 'utf8');
  const page = readFileSync(`${packageRoot}docs/errors.md`, 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '(DEFERRED_\w+)'/gm)].map(match => match[1]);
  const rows = [...page.matchAll(/^\| `(DEFERRED_\w+)` +\|/gm)].map(match => match[1]);
  assert.ok(codes.length > 10);
  assert.deepEqual(rows, codes);
});
