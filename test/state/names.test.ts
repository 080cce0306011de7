import assert from 'node:assert/strict';
import test from 'node:test';
import {
  freshName,
  isMovedDeadLetter,
  isStateFileName,
  isUnfinishedName,
  PREFIX,
  WIP_SUFFIX,
} from '#dist/state/names.js';

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

test('a dead letter that was moved beside the state files is none of them', () => {
  for (const suffix of ['-1', '-42', '.damaged']) {
    const name = freshName() + suffix;
    assert.deepEqual([isStateFileName(name), isMovedDeadLetter(name)], [false, true], name);
  }
  for (const name of [
    freshName(),
    freshName() + WIP_SUFFIX,
    `${PREFIX}-x`,
    `${PREFIX}0`,
    'other-1',
    'dead',
  ]) {
    assert.equal(isMovedDeadLetter(name), false, name);
  }
});
