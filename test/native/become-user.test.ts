/** What `native/become_user.c` leaves of the process that root starts it in. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotMakeUsers, FIRST, makeAccounts, removeAccounts } from '../helpers/accounts.ts';
import { packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { notForOthers } from '../helpers/other-user.ts';

const muslGcc = spawnSync('musl-gcc', ['--version']).status === 0;
const prebuilt = join(packageRoot, `prebuilds/${process.platform}-${process.arch}/become_user`);

/** That of the checkout, that of a compiler for musl, and those of the package where they were built. */
const programs: readonly [name: string, path: string | undefined][] = [
  ['become_user', join(packageRoot, 'build/Release/become_user')],
  ['become_user compiled for musl', undefined],
  ...[prebuilt, `${prebuilt}_musl`]
    .filter(path => existsSync(path))
    .map((path): [string, string] => [relative(packageRoot, path), path]),
];

function compileForMusl(directory: string): string {
  const output = join(directory, 'become_user');
  const source = join(packageRoot, 'native/become_user.c');
  execFileSync('musl-gcc', ['-Wall', '-Wextra', '-Werror', source, '-o', output]);
  chmodSync(directory, 0o755);
  return output;
}

/** Runs the program with these arguments in a process that has much to leave behind. */
function become(path: string, marker: string, ...args: string[]) {
  const shell = `trap '' HUP INT QUIT TERM USR1 PIPE CHLD; umask 000; ulimit -S -c unlimited; cd ${dirname(marker)}
    exec 9<${marker} 300<${marker}; exec "$@"`;
  return spawnSync('/bin/bash', ['--norc', '-c', shell, 'bash', path, ...args], {
    env: { ...process.env, ROOTS: 'secret' },
    input: 'of root',
    encoding: 'utf8',
  });
}

const muslMissing = process.env.LD_PRELOAD
  ? 'NOT TESTED: a preloaded library is one for glibc'
  : !muslGcc && 'NOT TESTED: musl-gcc is not installed (Debian: musl-tools)';
for (const [name, given] of programs) {
  describe(name, { skip: cannotMakeUsers || notForOthers || (given === undefined && muslMissing) }, () => {
    let path: string;
    const directory = mkdtempSync(join(tmpdir(), 'deferred-sweep-test-'));
    before(async () => {
      await makeAccounts();
      path = given ?? compileForMusl(directory);
    });
    after(() => {
      removeAccounts();
      rmSync(directory, { recursive: true, force: true });
    });

    test('a program begins with nothing of root', t => {
      const directory = freshDirectory(t);
      const marker = join(directory, 'marker');
      writeFileSync(marker, '');
      chmodSync(directory, 0o755);
      const script = `grep -E '^(Sig(Blk|Ign)|Cap|NoNewPrivs|Uid)' /proc/self/status
      ls -l /proc/$$/fd | grep -c marker; readlink /proc/$$/fd/0; umask; ulimit -c; pwd; echo $ROOTS
      test "$(cut -d ' ' -f 6 /proc/$$/stat)" = $$ && echo leader`;
      const { status, stdout, stderr } = become(path, marker, String(FIRST), '-', '/bin/sh', '-c', script);
      assert.equal(stderr, '');
      assert.equal(status, 0);
      const none = '0000000000000000';
      assert.deepEqual(stdout.split('\n'), [
        `Uid:\t${Array(4).fill(FIRST).join('\t')}`,
        ...[`SigBlk:\t${none}`, `SigIgn:\t${none}`],
        ...['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map(set => `Cap${set}:\t${none}`),
        'NoNewPrivs:\t1',
        ...['0', '/dev/null', '0077', '0', '/', '', 'leader', ''],
      ]);
    });

    const wrong: readonly [string, string[], number][] = [
      ['root', ['0', '-', '/bin/true'], 121],
      ['a number beyond all', ['4294967295', '-', '/bin/true'], 121],
      ['a negative number', ['-1', '-', '/bin/true'], 121],
      ['a number and more', ['51001x', '-', '/bin/true'], 121],
      ['no number', ['', '-', '/bin/true'], 121],
      ['a relative program', [String(FIRST), '-', 'true'], 121],
      ['no program', [String(FIRST), '-'], 121],
      ['a program that is not there', [String(FIRST), '-', '/nowhere'], 121],
      ['a number that no user has', ['51003', '-', '/bin/true'], 120],
    ];
    for (const [what, args, expected] of wrong) {
      test(`${what} is refused`, t => {
        const marker = join(freshDirectory(t), 'marker');
        writeFileSync(marker, '');
        assert.equal(become(path, marker, ...args).status, expected);
      });
    }

    test('a process that is not root becomes no user', () => {
      const { status, stderr } = spawnSync(path, [String(FIRST), '-', '/bin/true'], {
        uid: FIRST,
        gid: FIRST,
        encoding: 'utf8',
      });
      assert.equal(status, 121);
      assert.match(stderr, /^become_user: cannot /);
    });
  });
}
