import assert from 'node:assert/strict';
import test from 'node:test';
import { differencesOf, here } from '#dist/state/origin.js';

test('where we are does not differ from where we are, and what one does not tell is no difference', () => {
  const ours = here();
  assert.deepEqual(differencesOf(ours, here()), []);
  assert.deepEqual(differencesOf({ host: ours.host, bootId: null }, ours), []);
  assert.deepEqual(
    differencesOf({ ...ours, userNamespace: 'user:[1]' }, { ...ours, userNamespace: undefined }),
    [],
  );
});

test('each thing that differs is named, with both values', () => {
  const owner = { host: 'a', bootId: 'b', userNamespace: 'user:[1]', mountNamespace: 'mnt:[2]' };
  const ours = { host: 'c', bootId: 'd', userNamespace: 'user:[3]', mountNamespace: 'mnt:[4]' };
  const told = differencesOf(owner, ours);
  assert.equal(told.length, 4);
  for (const [index, value] of Object.values(owner).entries()) assert.ok(told[index]?.includes(value));
  for (const [index, value] of Object.values(ours).entries()) assert.ok(told[index]?.includes(value));
});
