/** Everyday places, as root and ordinary users have them, and what makes them usable: `docs/security.md`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { read } from '../helpers/calls.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { sample } from '../helpers/size.ts';
import {
  ALICE,
  commonDirectory,
  directoryOf,
  leaveOrphanAs,
  MALLORY,
  notRoot,
  printedBy,
  refusalsOf,
} from '../helpers/users.ts';
import { cli } from '../helpers/worker.ts';

const GROUP = 64200;
const none = ['none', 'none', 'none'];
const alice = { uid: ALICE };
const root = { uid: 0 };

interface Everyday {
  readonly who: { uid: number; gid?: number };
  /** Makes it in a directory of root's; returns the base. */
  readonly make: (top: string) => string;
  /** What makes it usable; undefined: it is so as it is. */
  readonly options?: (base: string) => object;
  /** What a refusal is to name. */
  readonly names?: RegExp;
}

const everyday: Record<string, Everyday> = {
  "a root container on a user's workspace": {
    who: root,
    make: top => directoryOf(join(directoryOf(join(top, 'workspace'), ALICE), 'base'), ALICE),
    options: base => ({ trustedPaths: [base] }),
    names: /workspace, on the way to it, belongs to uid 64101, not to root/,
  },
  "Kubernetes' emptyDir, which all can write to": {
    who: alice,
    make: top => directoryOf(join(top, 'empty-dir'), 0, 0o777),
    options: base => ({ trustedPaths: [base] }),
    names: /every user can replace what is in \S+empty-dir, .*mode 0777.*chmod \+t/,
  },
  'an emptyDir that was made sticky': {
    who: alice,
    make: top => directoryOf(join(top, 'empty-dir'), 0, 0o1777),
  },
  "a volume with Kubernetes' fsGroup": {
    who: { uid: ALICE, gid: GROUP },
    make: top => directoryOf(join(top, 'volume'), 0, 0o2775, GROUP),
  },
  'the same volume, for root': {
    who: root,
    make: top => directoryOf(join(top, 'volume'), 0, 0o2775, GROUP),
    options: () => ({ trustedGroups: [GROUP] }),
    names: /the group gid 64200 can replace .*--trust-group 64200/,
  },
  "a service's tree on a cluster (Spack, conda)": {
    who: alice,
    make: top => directoryOf(join(directoryOf(join(top, 'spack'), MALLORY), 'alice'), ALICE, 0o700),
    options: base => ({ trustedPaths: [join(base, '..')] }),
    names: /spack, on the way to it, belongs to uid 64102/,
  },
  "Nix's store, sticky and writable by a group": {
    who: root,
    make: top => directoryOf(join(directoryOf(join(top, 'store'), 0, 0o1775, GROUP), 'base'), 0),
  },
  "a base below links of root's, as macOS has /tmp": {
    who: alice,
    make: top => {
      const base = directoryOf(join(directoryOf(join(top, 'private'), 0, 0o1777), 'base'), ALICE, 0o700);
      symlinkSync('private', join(top, 'link'));
      return base.replace('private', 'link');
    },
  },
};

/** Tried each time: refused for another user's directory on the way, and used though links are on it. */
const HARD = [
  "a service's tree on a cluster (Spack, conda)",
  "a base below links of root's, as macOS has /tmp",
];
const places = sample(
  Object.keys(everyday).filter(place => !HARD.includes(place)),
  1,
);

for (const place of [...HARD, ...places]) {
  const { who, make, options, names } = everyday[place]!;
  test(`${place}: ${options ? 'is refused, and is used where it is trusted' : 'is used'}`, {
    skip: notRoot,
  }, t => {
    const directory = freshDirectory(t);
    const base = make(commonDirectory(directory));
    const ledger = join(commonDirectory(directory, 'ledgers', 0o777), 'ledger');
    if (options) {
      for (const refusal of refusalsOf(who, base)) {
        assert.match(refusal, /^DEFERRED_UNSAFE_DIRECTORY/);
        assert.match(refusal, names!);
        assert.doesNotMatch(refusal, /remove|delete/);
      }
      assert.equal(existsSync(join(base, 'deferred')), false);
    }
    const trust = options?.(base) ?? {};
    leaveOrphanAs(who, base, ledger, trust);
    assert.deepEqual(refusalsOf(who, base, trust), none);
    assert.deepEqual(read(ledger), [String(who.uid)]);
  });
}

test("files whose group's rights Kubernetes grants again are run where the group is trusted, and nowhere else", {
  skip: notRoot,
}, t => {
  const directory = freshDirectory(t);
  const who = { uid: ALICE, gid: GROUP };
  const base = directoryOf(join(commonDirectory(directory), 'volume'), 0, 0o2775, GROUP);
  const ledger = join(commonDirectory(directory, 'ledgers', 0o777), 'ledger');
  leaveOrphanAs(who, base, ledger);
  // As the kubelet does at each mount: chmod -R g+rwX.
  assert.equal(spawnSync('chmod', ['-R', 'g+rwX', base]).status, 0);
  assert.match(refusalsOf(who, base)[0]!, /deferred: others can write to it \(mode 02770\)/);
  assert.deepEqual(
    refusalsOf(who, base, { trustedGroups: [GROUP + 1] })
      .slice(0, 1)
      .map(code => code.slice(0, 12)),
    ['DEFERRED_UNS'],
  );
  assert.deepEqual(refusalsOf(who, base, { trustedGroups: [GROUP] }), none);
  assert.deepEqual(read(ledger), [String(ALICE)]);
});

test('a trusted path covers what is on the way to it, not what is below it', { skip: notRoot }, t => {
  const top = commonDirectory(freshDirectory(t));
  const open = directoryOf(join(top, 'open'), 0, 0o777);
  const base = directoryOf(join(directoryOf(join(open, 'hers'), MALLORY), 'base'), ALICE);
  assert.match(refusalsOf(alice, base, { trustedPaths: [open] })[0]!, /hers, on the way to it, belongs to/);
  assert.match(refusalsOf(alice, base, { trustedPaths: [`${open}er`] })[0]!, /open, on the way to it/);
  for (const trusted of [join(open, 'hers'), base, join(base, 'deferred')]) {
    assert.deepEqual(refusalsOf(alice, base, { trustedPaths: [trusted] }), none, trusted);
  }
});

test("a user is warned once of a group that can write to a directory on the way, but not of the user's own group", {
  skip: notRoot,
}, t => {
  const top = commonDirectory(freshDirectory(t));
  const count = (base: string, options: object): string =>
    printedBy(
      alice,
      `const warnings = [];
       const options = { ...JSON.parse(args[1]), logger: { info() {}, warn: text => warnings.push(text) } };
       for (const _ of [1, 2]) {
         await sweep(args[0], options);
         await (await new DeferredFunctionManager(args[0], options).open()).close();
       }
       console.log(warnings.length, warnings[0] ?? '');`,
      base,
      JSON.stringify(options),
    );
  const shared = directoryOf(join(directoryOf(join(top, 'shared'), 0, 0o775, GROUP), 'base'), ALICE);
  assert.match(count(shared, {}), /^1 .*the group gid 64200 can replace what is in \S+shared/);
  assert.match(count(shared, { trustedGroups: [GROUP] }), /^0/);
  assert.match(count(shared, { trustedPaths: [join(shared, '..')] }), /^0/);
  const own = directoryOf(join(directoryOf(join(top, 'own'), ALICE, 0o775), 'base'), ALICE);
  assert.match(count(own, {}), /^0/);
});

test('the command line trusts what --trust and --trust-group name', { skip: notRoot }, async t => {
  const directory = freshDirectory(t);
  const base = directoryOf(join(commonDirectory(directory), 'base'), ALICE);
  const refused = await cli(base);
  assert.equal(refused.status, 3);
  assert.match(refused.stderr, /--trust \S+base/);
  assert.equal((await cli('--trust', base, base)).status, 0);
  const grouped = directoryOf(join(commonDirectory(directory), 'grouped'), 0, 0o770, GROUP);
  assert.equal((await cli('--trust', base, '--trust-group', '1', grouped)).status, 3);
  assert.equal((await cli('--trust', base, '--trust-group', String(GROUP), grouped)).status, 0);
});

test('wrong trust is a wrong argument', () => {
  const bases = ['/tmp'];
  for (const options of [
    { trustedPaths: '/tmp' },
    { trustedPaths: [''] },
    { trustedGroups: [-1] },
    { trustedGroups: ['staff'] },
  ]) {
    assert.throws(() => new DeferredFunctionManager(bases[0]!, options as object), /trusted(Paths|Groups)/);
  }
});

const umasks = [0o000, 0o177, 0o277, 0o777];

for (const umask of sample(umasks, 1)) {
  const title = `a umask of 0${umask.toString(8)} leaves no directory that its user cannot use: state, dead letters, bases`;
  test(title, { skip: notRoot }, t => {
    const home = directoryOf(join(commonDirectory(freshDirectory(t)), 'home'), ALICE, 0o700);
    const base = join(home, 'new/base');
    const program = `
      const manager = new DeferredFunctionManager(args[0], { logger: null, maxAttempts: 1 });
      const job = await manager.open();
      job.defer(() => { throw new Error('given up'); });
      const { failed } = await job.close();
      await manager.close();
      console.log(failed);`;
    for (const mask of [umask, 0o22]) {
      assert.equal(printedBy({ ...alice, umask: mask }, program, base), '1', `umask 0${mask.toString(8)}`);
    }
    for (const path of ['new', 'new/base', 'new/base/deferred', 'new/base/deferred/dead']) {
      assert.equal(lstatSync(join(home, path)).mode & 0o777, 0o700, path);
    }
    assert.equal(readdirSync(join(base, 'deferred/dead')).length, 2);
  });
}

test('what a umask took, and its worker died before it gave it back, the next worker gives back', {
  skip: notRoot,
}, t => {
  const base = directoryOf(join(commonDirectory(freshDirectory(t)), 'base'), ALICE);
  directoryOf(join(base, 'deferred'), ALICE, 0o000);
  assert.deepEqual(refusalsOf(alice, base).slice(2), ['none']);
  assert.equal(lstatSync(join(base, 'deferred')).mode & 0o777, 0o700);
});

test('a read-only file system says so at once', { skip: notRoot }, async t => {
  const at = freshDirectory(t);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro,mode=755', 'tmpfs', at]).status !== 0) {
    return t.skip('NOT TESTED: mount -t tmpfs');
  }
  try {
    for (const base of [at, join(at, 'x/y')]) {
      const manager = new DeferredFunctionManager(base, { logger: null });
      await assert.rejects(manager.open(), error => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /EROFS/);
        assert.equal((error as { code?: string }).code, 'DEFERRED_STATE_IO');
        assert.equal((error.cause as { code?: string }).code, 'EROFS');
        return true;
      });
      assert.deepEqual((await sweep(base)).files, []);
    }
  } finally {
    spawnSync('umount', ['-l', at]);
  }
});

test('a place where nothing can be made says so at once, and as the system says it', {
  skip: process.platform === 'linux' ? false : 'NOT TESTED: no procfs here',
}, () => {
  assert.throws(() => new StateDirectory('/proc/deferred-sweep').ensure(), {
    code: 'DEFERRED_STATE_IO',
    message: /cannot make the directory \/proc\/deferred-sweep: .*ENOENT/,
  });
});

test('nothing is made behind a link to what is not there: a disk may not be mounted', t => {
  const top = freshDirectory(t);
  mkdirSync(join(top, 'mnt'));
  symlinkSync('mnt/disk', join(top, 'base'));
  assert.throws(() => new StateDirectory(join(top, 'base')).ensure(), /mnt\/disk, which does not exist/);
  assert.deepEqual(readdirSync(join(top, 'mnt')), []);
});

test('an owner of / that is not root is trusted, but not in a directory that others can write to', {
  skip: notRoot,
}, async t => {
  // A user namespace without root: all others, root among them, are shown as one user.
  // Not in /tmp, where root's directory itself might be any user's.
  const top = mkdtempSync('/var/lib/deferred-sweep-test-');
  t.after(() => rmSync(top, { recursive: true, force: true }));
  chmodSync(top, 0o755);
  const shared = directoryOf(join(top, 'shared'), 0, 0o1777);
  const mine = directoryOf(join(top, 'mine'), ALICE);
  const hers = directoryOf(join(shared, 'hers'), MALLORY);
  directoryOf(join(hers, 'deferred'), ALICE, 0o700);
  const inNamespace = (base: string): string | undefined => {
    const program = `
      import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
      try { await (await new DeferredFunctionManager(process.argv[1], { logger: null }).open()).close(); console.log('none'); }
      catch (error) { console.log(error.code, error.message); }`;
    const args = ['-U', '--map-user=1000', process.execPath, '--input-type=module', '--eval', program, base];
    const { status, stdout } = spawnSync('unshare', args, {
      uid: ALICE,
      gid: ALICE,
      cwd: '/',
      encoding: 'utf8',
    });
    return status === 0 ? stdout.trim() : undefined;
  };
  const used = inNamespace(mine);
  if (used === undefined) return t.skip('NOT TESTED: no user namespaces for ordinary users here');
  assert.equal(used, 'none');
  assert.match(inNamespace(hers)!, /^DEFERRED_UNSAFE_DIRECTORY .*hers, on the way to it/);
});
