import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { nativeAddon } from '#dist/lock/native.js';
import { startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { peerInThisThread } from '../helpers/lock-peer.ts';
import { callsLogged, strace, straceMissing } from '../helpers/strace.ts';

const here = peerInThisThread();
const syscalls = { flock: 'flock', ofd: 'fcntl' } as const;
/** The binding with its types taken away. */
const setFileLock = nativeAddon().setFileLock as (...values: unknown[]) => unknown;
const setWatchdog = nativeAddon().setWatchdog as (...values: unknown[]) => unknown;

for (const scheme of ['flock', 'ofd'] as const) {
  const syscall = syscalls[scheme];

  test(`${syscall} is called again after EINTR`, { skip: straceMissing }, async t => {
    const directory = freshDirectory(t);
    const [path, log] = [join(directory, 'file'), join(directory, 'trace')];
    writeFileSync(path, '');
    const under = strace({ path, log, inject: `${syscall}:error=EINTR:when=1..2` });
    const child = startChild(t, 'lock-peer', { under });
    const fd = await child.ask<number>({ op: 'open', path });
    assert.equal(await child.ask({ op: 'set', fd, mode: 'exclusive', scheme }), true);
    const free = await here.open(path);
    assert.equal(await here.set(free, 'exclusive', scheme), false);
    await here.close(free);
    await child.abandon();
    assert.equal(callsLogged(log).length, 3);
  });

  for (const code of ['ENOLCK', 'EIO', 'ESTALE', 'EINVAL'] as const) {
    test(`${code} of ${syscall} is returned with the name of the call`, { skip: straceMissing }, async t => {
      const directory = freshDirectory(t);
      const path = join(directory, 'file');
      writeFileSync(path, '');
      const under = strace({
        path,
        log: join(directory, 'trace'),
        inject: `${syscall}:error=${code}:when=1`,
      });
      const child = startChild(t, 'lock-peer', { under });
      const fd = await child.ask<number>({ op: 'open', path });
      const failure = { errno: constants.errno[code], syscall };
      assert.deepEqual(await child.ask({ op: 'set', fd, mode: 'exclusive', scheme }), failure);
      assert.equal(await child.ask({ op: 'set', fd, mode: 'exclusive', scheme }), true);
    });
  }

  test(`EACCES of ${syscall} is contention`, { skip: straceMissing }, async t => {
    const directory = freshDirectory(t);
    const path = join(directory, 'file');
    writeFileSync(path, '');
    const under = strace({ path, log: join(directory, 'trace'), inject: `${syscall}:error=EACCES:when=1` });
    const child = startChild(t, 'lock-peer', { under });
    const fd = await child.ask<number>({ op: 'open', path });
    assert.equal(await child.ask({ op: 'set', fd, mode: 'exclusive', scheme }), false);
  });

  test(`a descriptor that is not open is EBADF of ${syscall}`, async () => {
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    const failure = { errno: constants.errno.EBADF, syscall };
    assert.deepEqual(await here.set(0x7fffffff, 'exclusive', scheme), failure);
    assert.deepEqual(await here.set(fd, 'unlock', scheme), failure);
  });
}

test('an OFD lock needs the descriptor open for writing when exclusive, for reading when shared', async t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const [reader, writer] = [openSync(path, 'r'), openSync(path, 'a')];
  const failure = { errno: constants.errno.EBADF, syscall: 'fcntl' };
  assert.deepEqual(await here.set(reader, 'exclusive', 'ofd'), failure);
  assert.deepEqual(await here.set(writer, 'shared', 'ofd'), failure);
  assert.equal(await here.set(reader, 'shared', 'ofd'), true);
  closeSync(reader);
  assert.equal(await here.set(writer, 'exclusive', 'ofd'), true);
  closeSync(writer);
});

test('the binding throws TypeError for a wrong type, a fraction, or a number out of range', () => {
  const wrong = [
    undefined,
    null,
    true,
    '0',
    0n,
    {},
    [],
    Symbol('0'),
    () => 0,
    NaN,
    Infinity,
    -Infinity,
    -1,
    0.5,
    2 ** 31,
    2 ** 32,
    1e300,
  ];
  for (const value of wrong) {
    assert.throws(() => setFileLock(value, 2, 0), { name: 'TypeError', message: /^descriptor must be/ });
    assert.throws(() => setFileLock(0, value, 0), { name: 'TypeError', message: /^mode must be/ });
    assert.throws(() => setFileLock(0, 2, value), { name: 'TypeError', message: /^scheme must be/ });
    assert.throws(() => setWatchdog(value, 0), { name: 'TypeError', message: /^limitMs must be/ });
    assert.throws(() => setWatchdog(0, value), { name: 'TypeError', message: /^graceMs must be/ });
  }
  assert.throws(() => setFileLock(), TypeError);
  assert.throws(() => setFileLock(0, 3, 0), TypeError);
  assert.throws(() => setFileLock(0, 0, 2), TypeError);
});

test('whatever the arguments, the binding answers or throws TypeError', () => {
  const notOpen = fc.integer({ min: 0x7fff0000, max: 0x7fffffff });
  const anything = fc.oneof(fc.anything(), fc.double(), notOpen, fc.integer({ min: -1, max: 3 }));
  fc.assert(
    fc.property(
      fc.oneof(
        notOpen,
        fc.anything().filter(value => typeof value !== 'number'),
      ),
      fc.array(anything),
      (fd, rest) => {
        try {
          assert.deepEqual(Object.keys(setFileLock(fd, ...rest) as object), ['errno', 'syscall']);
        } catch (error) {
          assert(error instanceof TypeError, String(error));
        }
      },
    ),
  );
});
