import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { systemReason } from '#dist/state/system-reason.js';

/** As the addon and Node make them. */
const errorOf = (code: string, errno: number): Error =>
  Object.assign(new Error(code), { code, errno: -errno, syscall: 'write' });

test('the reason of a system error has its words, its code and advice', () => {
  assert.match(
    systemReason(errorOf('ENOSPC', constants.errno.ENOSPC)),
    /^no space left on device \(ENOSPC\); /,
  );
});

test('errors of locks and of network file systems, which Node does not name, are worded too', () => {
  assert.match(systemReason(errorOf('ENOLCK', constants.errno.ENOLCK)), /^no locks available \(ENOLCK\)/);
  assert.match(systemReason(errorOf('ESTALE', constants.errno.ESTALE)), /^stale file handle \(ESTALE\)/);
});

test('an error that Node has no name for has its name, words and advice', () => {
  // As Node makes it, in some calls and in others.
  for (const code of ['UNKNOWN', `Unknown system error -${constants.errno.EDQUOT}`])
    assert.match(
      systemReason(errorOf(code, constants.errno.EDQUOT)),
      /^disk quota exceeded \(EDQUOT\); free space/,
    );
});
