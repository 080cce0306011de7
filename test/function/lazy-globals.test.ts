/** A capture asks whether an object is one of Node's. From Node 22 on, some globals are made at the first look at them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeProject, runNode } from '../helpers/program.ts';

// On Node 20 the classes of undici are behind accessors, and cannot be captured.
const program = `
  import { DeferredFunction } from 'deferred-sweep';
  const given = { name: 'a' };
  DeferredFunction.create(() => given.name);
  console.log(process.moduleLoadList.includes('NativeModule internal/deps/undici/undici'));
  const Kept = process.versions.node.startsWith('20.') ? Map : Headers;
  console.log(await DeferredFunction.create(() => new Kept([['a', 'b']]).get('a')).invoke());`;

test('capturing an object does not load undici; its classes, once used, are stored by their names', t => {
  const { status, stdout, stderr } = runNode(makeProject(t, { 'program.mjs': program }), ['program.mjs']);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'false\nb\n');
});
