import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { StateDirectory } from '#dist/state/state-directory.js';
import { freshDirectory } from '../helpers/fresh-directory.js';
import { takeCalls } from '../helpers/ran.js';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.js';
import { sweepHere } from '../helpers/sweep-here.js';

const whole = Buffer.concat(framesOf(headerOf(), deferOf(1, ['untrusted'])));
const notRoot = process.getuid?.() === 0 ? false : 'NOT TESTED: only root can give files away';
const nobody = 65534;
const checkDirectory = (path: string): void => new StateDirectory(dirname(path)).ensure();
const unsafe = { code: 'DEFERRED_UNSAFE_DIRECTORY' };

test('a state directory that others can write to is refused', t => {
  const path = join(freshDirectory(t), 'deferred');
  mkdirSync(path);
  for (const mode of [0o770, 0o720, 0o702, 0o777, 0o1777]) {
    chmodSync(path, mode);
    assert.throws(() => checkDirectory(path), unsafe, mode.toString(8));
  }
  for (const mode of [0o700, 0o750, 0o755]) {
    chmodSync(path, mode);
    checkDirectory(path);
  }
});

test('a link to a directory, and a file, are refused as a state directory', async t => {
  const base = freshDirectory(t);
  mkdirSync(join(base, 'real'), { mode: 0o700 });
  const path = join(base, 'deferred');
  symlinkSync('real', path);
  assert.throws(() => new StateDirectory(base).ensure(), unsafe);
  await assert.rejects(sweepHere(base), unsafe);
  rmSync(path);
  writeFileSync(path, '');
  assert.throws(() => checkDirectory(path), unsafe);
});

test('a state directory of another user is refused', { skip: notRoot }, t => {
  const { base } = stateBase(t);
  chownSync(join(base, 'deferred'), nobody, nobody);
  assert.throws(() => new StateDirectory(base).ensure(), unsafe);
});

test('a missing state directory is an empty one', t => {
  assert.deepEqual(new StateDirectory(freshDirectory(t)).look().stateFiles, []);
});

const spoilers: Record<string, { skip?: string | false; spoil: (path: string) => void }> = {
  'that others can write to': { spoil: path => chmodSync(path, 0o602) },
  'that others can read, and so keep locked': { spoil: path => chmodSync(path, 0o604) },
  'that its group can read': { spoil: path => chmodSync(path, 0o640) },
  'that its group can write to': { spoil: path => chmodSync(path, 0o660) },
  'with a second name': { spoil: path => linkSync(path, join(path, '../../elsewhere')) },
  'of another user': { skip: notRoot, spoil: path => chownSync(path, nobody, nobody) },
  'that is a link': {
    spoil: path => {
      writeFileSync(`${path}/../../target`.replace(/\/[^/]*\/\.\.\/\.\.\//, '/../'), whole, { mode: 0o600 });
      rmSync(path);
      symlinkSync('../target', path);
    },
  },
  'that is a FIFO': {
    spoil: path => {
      rmSync(path);
      assert.equal(spawnSync('mkfifo', ['-m', '600', path]).status, 0);
    },
  },
  'that is a directory': {
    spoil: path => {
      rmSync(path);
      mkdirSync(path);
    },
  },
};

for (const [what, { skip, spoil }] of Object.entries(spoilers)) {
  test(`a state file ${what} is reported, not run, not removed`, { skip: skip ?? false }, async t => {
    const { base, put } = stateBase(t);
    const path = put(whole);
    spoil(path);
    const report = await sweepHere(base);
    assert.deepEqual(takeCalls(), []);
    assert.equal(report.files[0]?.outcome, 'refused');
    assert.equal(report.files[0]?.error?.code, 'DEFERRED_UNSAFE_FILE');
    assert.equal(existsSync(path), true);
  });
}
