/** Whose the code of a stored function is, at registration and when it runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkUnchangedOwners, ownersOf } from '#dist/trust/code-owners.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { ALICE, commonDirectory, directoryOf, MALLORY, notRoot, runAs } from '../helpers/users.ts';

const changed = { code: 'DEFERRED_OWNER_CHANGED' };

/** A module of this owner in a directory of this owner. */
function moduleOf(directory: string, directoryOwner: number, owner: number): string {
  directoryOf(directory, directoryOwner);
  const path = join(directory, 'module.mjs');
  writeFileSync(path, '');
  chownSync(path, owner, owner);
  return path;
}

test('what is ours or root’s has no other owner, as this test and Node itself', () => {
  for (const path of ['/', process.execPath]) {
    const owners = ownersOf(path);
    assert.deepEqual(owners, []);
    checkUnchangedOwners('the program', path, owners);
  }
});

test('an owner that was there at registration stays trusted, and every other user is refused', {
  skip: notRoot,
}, t => {
  const top = commonDirectory(freshDirectory(t));
  const path = moduleOf(join(top, 'workspace'), ALICE, ALICE);
  const owners = ownersOf(path);
  assert.deepEqual(owners, [ALICE]);
  checkUnchangedOwners('the module', path, owners);
  chownSync(path, MALLORY, MALLORY);
  assert.throws(() => checkUnchangedOwners('the module', path, owners), {
    ...changed,
    message: /^cannot use the module \S+: it belongs to uid 64102, which it did not/,
  });
  chownSync(path, 0, 0);
  checkUnchangedOwners('the module', path, owners);
  // A file of ours that another user moved there.
  chownSync(join(top, 'workspace'), MALLORY, MALLORY);
  assert.throws(() => checkUnchangedOwners('the module', path, owners), {
    ...changed,
    message: /workspace belongs to uid 64102/,
  });
  checkUnchangedOwners('the module', path, owners, { paths: [join(top, 'workspace')], groups: [] });
});

test('a link of another user counts as a directory of theirs does', { skip: notRoot }, t => {
  const shared = commonDirectory(freshDirectory(t), 'shared', 0o1777);
  moduleOf(join(shared, 'real'), 0, 0);
  const link = join(shared, 'link');
  symlinkSync('real', link);
  assert.deepEqual(ownersOf(join(link, 'module.mjs')), []);
  rmSync(link);
  assert.equal(spawnSync('ln', ['-s', 'real', link], { uid: MALLORY, gid: MALLORY }).status, 0);
  assert.throws(() => checkUnchangedOwners('the module', join(link, 'module.mjs'), []), changed);
});

/** The victim's directory in `/tmp` is removed by a cleaner of old files, and made again by another user. */
function remakeAs(uid: number, path: string): void {
  rmSync(path, { recursive: true });
  assert.equal(spawnSync('mkdir', [path], { uid, gid: uid }).status, 0);
  assert.equal(spawnSync('touch', [join(path, 'module.mjs')], { uid, gid: uid }).status, 0);
}

function inTmp(t: TestContext): string {
  const path = mkdtempSync('/tmp/deferred-sweep-test-');
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

for (const what of ['module.mjs', '.']) {
  test(`under /tmp, ${what === '.' ? 'a working directory' : 'a module'} that another user made anew is refused, one made anew by the victim is not`, {
    skip: notRoot,
  }, t => {
    const directory = inTmp(t);
    moduleOf(directory, ALICE, ALICE);
    const path = join(directory, what);
    const check = (registered: string): string =>
      runAs(
        { uid: ALICE },
        `const { ownersOf, checkUnchangedOwners } = await import(${JSON.stringify(import.meta.resolve('#dist/trust/code-owners.js'))});
         console.log(args[1] ? await codeOf(() => checkUnchangedOwners('it', args[0], JSON.parse(args[1]))) : JSON.stringify(ownersOf(args[0])));`,
        path,
        registered,
      ).stdout;
    const owners = check('');
    assert.equal(owners, '[]\n');
    remakeAs(ALICE, directory);
    assert.equal(check(owners), 'none\n');
    remakeAs(MALLORY, directory);
    assert.match(check(owners), /^DEFERRED_OWNER_CHANGED .* belongs to uid 64102/);
  });
}

test('what is gone is no change of owner: its use says so better', t => {
  const top = freshDirectory(t);
  writeFileSync(join(top, 'file'), '');
  for (const path of [join(top, 'gone'), join(top, 'gone/deep'), join(top, 'file/x')]) {
    checkUnchangedOwners('the module', path, []);
  }
});
