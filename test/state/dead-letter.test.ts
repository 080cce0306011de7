import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import test from 'node:test';
import type { DoneRecord } from '#dist/log/records.js';
import { replay } from '#dist/log/replay.js';
import { copyDamaged, writeDeadLetter } from '#dist/state/dead-letter.js';
import { FILE_MODE } from '#dist/state/file-io.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.js';

const start = { kind: 'start', id: 2, attempt: 1, nonce: 'a.1', pid: 5, atEpochMs: 10 } as const;
const failed: DoneRecord = {
  kind: 'done',
  id: 2,
  attempt: 1,
  atEpochMs: 20,
  error: { name: 'Error', message: 'no' },
  final: false,
};
const second = { ...start, attempt: 2, atEpochMs: 30 };
const final: DoneRecord = { ...failed, attempt: 2, atEpochMs: 40, final: true };

test('a dead letter written twice is one, and a state file of that one function with nothing pending', t => {
  const { base } = stateBase(t);
  const directory = new StateDirectory(base);
  const records = [deferOf(1, ['other']), deferOf(2, ['buried']), start, failed, second];
  const contents = replay(Buffer.concat(framesOf(headerOf(), ...records)));
  const write = (): string =>
    writeDeadLetter(directory, 'funcfile', headerOf(), contents.functions.get(2)!, final);
  const path = write();
  const bytes = readFileSync(path);
  assert.equal(write(), path);
  assert.deepEqual(readFileSync(path), bytes);
  assert.deepEqual(readdirSync(directory.deadPath), ['funcfile-2']);

  const letter = replay(bytes);
  assert.deepEqual(letter.header, headerOf());
  assert.deepEqual([...letter.functions.keys()], [2]);
  assert.deepEqual(letter.functions.get(2)?.marks, [start, failed, second, final]);
  assert.deepEqual(letter.pending(), []);
});

test('the copy of a damaged file is its bytes', t => {
  const { base } = stateBase(t);
  const directory = new StateDirectory(base);
  const path = copyDamaged(directory, 'funcfile', Buffer.from('anything'));
  assert.equal(readFileSync(path, 'utf8'), 'anything');
  assert.equal(copyDamaged(directory, 'funcfile', Buffer.from('anything')), path);
  assert.deepEqual(readdirSync(directory.deadPath), ['funcfile.damaged']);
});

test('dead letters have the mode that cleaners of temporary files leave alone, under any umask', t => {
  const { base } = stateBase(t);
  const umask = process.umask(0o277);
  t.after(() => process.umask(umask));
  const path = copyDamaged(new StateDirectory(base), 'funcfile', Buffer.from('anything'));
  assert.equal(statSync(path).mode & 0o7777, FILE_MODE);
});
