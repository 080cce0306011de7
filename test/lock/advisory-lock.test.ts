import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DeferredSweepError, type LockOptions, tryLock, unlock } from 'deferred-sweep/lock';
import fc from 'fast-check';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { callerUnder } from '../helpers/lock-caller.ts';
import { straceMissing } from '../helpers/strace.ts';

/** Two open file descriptions of one file. */
function openTwice(t: TestContext): [number, number] {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const pair: [number, number] = [openSync(path, 'r+'), openSync(path, 'r+')];
  t.after(() => {
    for (const fd of pair) closeSync(fd);
  });
  return pair;
}

test('the public sub-path exports tryLock, unlock, DeferredSweepError and nothing else', async () => {
  const exported = Object.keys(await import('deferred-sweep/lock'));
  assert.deepEqual(exported.sort(), ['DeferredSweepError', 'tryLock', 'unlock']);
});

test('without options a lock is exclusive and of scheme flock', t => {
  const [one, other] = openTwice(t);
  assert.equal(tryLock(one), true);
  assert.equal(tryLock(other, { shared: true, scheme: 'flock' }), false);
  assert.equal(tryLock(other, { scheme: 'ofd' }), true);
});

for (const scheme of ['flock', 'ofd'] as const) {
  test(`contention of ${scheme} is false; unlock lets the other in, and twice is no error`, t => {
    const [one, other] = openTwice(t);
    assert.equal(tryLock(one, { scheme }), true);
    assert.equal(tryLock(other, { scheme }), false);
    unlock(one, { scheme });
    unlock(one, { scheme });
    assert.equal(tryLock(other, { scheme }), true);
  });

  test(`shared ${scheme} locks let each other in, and nobody exclusive`, t => {
    const [one, other] = openTwice(t);
    assert.equal(tryLock(one, { scheme, shared: true }), true);
    assert.equal(tryLock(other, { scheme, shared: true }), true);
    assert.equal(tryLock(other, { scheme }), false);
  });

  const syscall = scheme === 'flock' ? 'flock' : 'fcntl';

  test(`a failure of ${syscall} is an error of the shape of Node's`, () => {
    const shape = {
      name: 'Error',
      message: `EBADF: bad file descriptor, ${syscall}`,
      code: 'EBADF',
      errno: -constants.errno.EBADF,
      syscall,
    };
    assert.throws(() => tryLock(0x7fffffff, { scheme }), shape);
    assert.throws(() => unlock(0x7fffffff, { scheme }), shape);
  });

  for (const [code, description] of [
    ['ENOLCK', 'no locks available'],
    ['ESTALE', 'stale file handle'],
    ['EIO', 'i/o error'],
  ] as const) {
    test(`${code} of ${syscall} has its name, though libuv may know none`, {
      skip: straceMissing,
    }, async t => {
      const { path, call } = callerUnder(t, `${syscall}:error=${code}`);
      const fd = await call<number>('openSync', path, 'r+');
      assert.deepEqual(await call('tryLock', fd, { scheme }), {
        name: 'Error',
        message: `${code}: ${description}, ${syscall}`,
        code,
        errno: -constants.errno[code],
        syscall,
        path: undefined,
        causeCode: undefined,
      });
    });
  }

  for (const code of ['EINVAL', 'EOPNOTSUPP', 'ENOSYS'] as const) {
    test(`${code} of ${syscall} is DEFERRED_UNSUPPORTED`, { skip: straceMissing }, async t => {
      const { path, call } = callerUnder(t, `${syscall}:error=${code}`);
      const fd = await call<number>('openSync', path, 'r+');
      const error = await call<DeferredSweepError & { causeCode: string }>('tryLock', fd, { scheme });
      assert.equal(error.code, 'DEFERRED_UNSUPPORTED');
      assert.match(
        error.causeCode,
        code === 'EOPNOTSUPP' ? /^(EOPNOTSUPP|ENOTSUP)$/ : new RegExp(`^${code}$`),
      );
      assert.match(error.message, new RegExp(`cannot lock descriptor ${fd} with ${scheme}: .*; use .*[^.]$`));
    });
  }
}

test('wrong arguments throw TypeError or RangeError that name the argument and show the value', () => {
  const as = <Wanted>(value: unknown) => value as Wanted;
  for (const call of [tryLock, unlock]) {
    assert.throws(() => call(as<number>('3')), {
      name: 'TypeError',
      message: '"fd" must be a number, got "3"',
    });
    assert.throws(() => call(as<number>(undefined)), { name: 'TypeError', message: /"fd" .* got undefined/ });
    for (const fd of [-1, 0.5, NaN, Infinity, 2 ** 31]) {
      assert.throws(() => call(fd), {
        name: 'RangeError',
        message: `"fd" must be an integer from 0 to 2147483647, got ${fd}`,
      });
    }
    assert.throws(() => call(0, as<object>(null)), {
      name: 'TypeError',
      message: '"options" must be an object, got null',
    });
    assert.throws(() => call(0, as<object>('ofd')), {
      name: 'TypeError',
      message: '"options" must be an object, got "ofd"',
    });
    assert.throws(() => call(0, as<object>({ shceme: 'ofd' })), {
      name: 'TypeError',
      message: 'option "shceme" is unknown; did you mean "scheme"?',
    });
    for (const scheme of ['posix', 'FLOCK', '', 'toString', null, 0, Symbol('s')]) {
      const options = as<{ scheme: 'ofd' }>({ scheme });
      assert.throws(() => call(0, options), {
        name: 'TypeError',
        message: /^option "scheme" must be 'flock' or 'ofd', got /,
      });
    }
  }
  assert.throws(() => tryLock(0, as<object>({ shared: 1 })), {
    name: 'TypeError',
    message: 'option "shared" must be a boolean, got 1',
  });
});

test('options that are undefined are their defaults', t => {
  const [one, other] = openTwice(t);
  assert.equal(tryLock(one, { shared: undefined, scheme: undefined }), true);
  assert.equal(tryLock(other, { shared: true }), false);
  unlock(one, { scheme: undefined });
  assert.equal(tryLock(other), true);
});

test('whatever the arguments, tryLock answers or throws one of the errors it promises', () => {
  const notOpen = fc.integer({ min: 0x7fff0000, max: 0x7fffffff });
  const options = fc.record(
    { shared: fc.anything(), scheme: fc.oneof(fc.constant('ofd'), fc.anything()) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(notOpen, fc.anything()), fc.oneof(options, fc.anything()), (fd, given) => {
      fc.pre(!(typeof fd === 'number' && Number.isInteger(fd) && fd >= 0 && fd < 0x7fff0000)); // may be open
      try {
        tryLock(fd as number, given as LockOptions);
        assert.fail('no such descriptor is open');
      } catch (error) {
        const isPromised =
          error instanceof TypeError ||
          error instanceof RangeError ||
          (error as { code?: string }).code === 'EBADF';
        assert(isPromised, String(error));
      }
    }),
  );
});
