import assert from 'node:assert/strict';
import test from 'node:test';
import { freshName, isStateFileName, isUnfinishedName, PREFIX, WIP_SUFFIX } from '#dist/state/names.js';

test('fresh names are unique, and sorted they are oldest first', () => {
  const names = Array.from({ length: 20_000 }, freshName);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(names, names.toSorted());
});

test('a name holds the time it was made at', () => {
  const name = freshName();
  assert.match(name, /^func[0-9a-z]{9}[0-9a-f]{16}$/);
  // Many names in one millisecond go ahead of the clock.
  assert.ok(Number.parseInt(name.slice(4, 13), 36) >= Date.now() - 1000);
});

test('only names with the prefix are looked at, and a suffix says which are unfinished', () => {
  assert.equal(isStateFileName(freshName()), true);
  for (const name of ['dead', '.nfs0001', 'fun', 'README']) assert.equal(isStateFileName(name), false);
  assert.equal(isUnfinishedName(PREFIX + WIP_SUFFIX), true);
  assert.equal(isUnfinishedName(freshName()), false);
});
