/** Another user sets traps on the way to a state directory: nothing of theirs is run, nothing of the victim's is lost. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
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

const alice = { uid: ALICE };
const mallory = { uid: MALLORY };

/** A sticky directory for all, as `/tmp` is, and a ledger that all can write to. */
function scene(t: TestContext): { shared: string; ledger: string } {
  const root = freshDirectory(t);
  const shared = commonDirectory(root, 'shared', 0o1777);
  return { shared, ledger: join(commonDirectory(root, 'ledgers', 0o777), 'ledger') };
}

/** A state directory, `deferred` in a base, that Alice would sweep if she believed the way to it. */
function bait(t: TestContext, ledger: string): string {
  const base = directoryOf(join(commonDirectory(freshDirectory(t)), 'bait'), ALICE, 0o700);
  leaveOrphanAs(alice, base, ledger);
  return base;
}

function assertRefused(refusals: readonly string[], names: string): void {
  for (const refusal of refusals) {
    assert.match(refusal, /^DEFERRED_UNSAFE_DIRECTORY cannot use /);
    assert.ok(refusal.includes(names), refusal);
    assert.doesNotMatch(refusal, /remove|delete|rm /);
  }
}

/** Where Mallory could decide what Alice finds; `put` returns the base and what the refusal is to name. */
const traps: Record<string, (shared: string, bait: string) => [base: string, names: string]> = {
  'a base of hers with a state directory of mine': (shared, bait) => {
    const base = directoryOf(join(shared, 'base'), MALLORY);
    renameSync(join(bait, 'deferred'), join(base, 'deferred'));
    return [base, `uid ${MALLORY}`];
  },
  'a base of mine in a directory of hers': (shared, bait) => {
    const base = join(directoryOf(join(shared, 'hers'), MALLORY, 0o777), 'base');
    renameSync(bait, base);
    return [base, `uid ${MALLORY}`];
  },
  'a base of mine in a directory for all that is not sticky': (shared, bait) => {
    const base = join(directoryOf(join(shared, 'open'), 0, 0o777), 'base');
    renameSync(bait, base);
    return [base, 'mode 0777'];
  },
  'a link of hers to a base of mine': (shared, bait) => {
    const base = join(shared, 'base');
    assert.equal(spawnSync('ln', ['-s', bait, base], { uid: MALLORY, gid: MALLORY }).status, 0);
    return [base, `a symbolic link of uid ${MALLORY}`];
  },
  'a link of hers that a link of mine leads through': (shared, bait) => {
    const [base, hers] = [join(shared, 'base'), join(shared, 'hers')];
    assert.equal(spawnSync('ln', ['-s', bait, hers], { uid: MALLORY, gid: MALLORY }).status, 0);
    assert.equal(spawnSync('ln', ['-s', 'hers', base], { uid: ALICE, gid: ALICE }).status, 0);
    return [base, `a symbolic link of uid ${MALLORY}`];
  },
  'a state directory of hers in a base for all': (shared, bait) => {
    const deferred = join(shared, 'deferred');
    renameSync(join(bait, 'deferred'), deferred);
    directoryOf(deferred, MALLORY, 0o755);
    return [shared, `belongs to uid ${MALLORY}, not to uid ${ALICE}`];
  },
  'a link to a state directory of mine in a base for all': (shared, bait) => {
    symlinkSync(join(bait, 'deferred'), join(shared, 'deferred'));
    return [shared, 'symbolic link'];
  },
};

for (const [trap, put] of sample(Object.entries(traps), 3)) {
  test(`nothing is run behind ${trap}`, { skip: notRoot }, t => {
    const { shared, ledger } = scene(t);
    const [base, names] = put(shared, bait(t, ledger));
    assertRefused(refusalsOf(alice, base), names);
    assert.deepEqual(read(ledger), []);
    assert.equal(readdirSync(join(base, 'deferred')).length, 1);
  });
}

test('the second user of a base for all is told to take one of its own, and that works', {
  skip: notRoot,
}, t => {
  const { shared, ledger } = scene(t);
  leaveOrphanAs(mallory, shared, ledger);
  const [refusal] = refusalsOf(alice, shared);
  assertRefused([refusal!], `belongs to uid ${MALLORY}`);
  const advised = join(shared, String(ALICE));
  assert.ok(refusal?.includes(`${advised} with mode 0700`));
  assert.equal(spawnSync('mkdir', ['-m', '700', advised], { uid: ALICE, gid: ALICE }).status, 0);
  leaveOrphanAs(alice, advised, ledger);
  assert.deepEqual(refusalsOf(alice, advised), ['none', 'none', 'none']);
  assert.deepEqual(read(ledger), [String(ALICE)]);
});

/** Exchanges two names as fast as it can, `args[2]` times at most, until its standard input ends. */
const exchanger = `
import ctypes, select, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = (sys.argv[n].encode() for n in (1, 2))
for turn in range(10 ** 7):
    if libc.renameat2(-100, a, -100, b, 2) != 0: sys.exit(str(ctypes.get_errno()))
    if turn == 0: print('swaps', flush=True)
    if turn % 64 == 0 and select.select([sys.stdin], [], [], 0)[0]: break
`;
const noPython =
  notRoot || (spawnSync('/usr/bin/python3', ['-V']).status === 0 ? false : 'NOT TESTED: no /usr/bin/python3');

/** Runs `sweeps` while Mallory exchanges two names of hers without end. */
async function whileSwapping(
  t: TestContext,
  paths: readonly [string, string],
  sweeps: () => void,
): Promise<void> {
  const swapper = spawn('/usr/bin/python3', ['-c', exchanger, ...paths], {
    uid: MALLORY,
    gid: MALLORY,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => swapper.kill('SIGKILL'));
  const ended = once(swapper, 'exit');
  await Promise.race([once(swapper.stdout, 'data'), ended]);
  sweeps();
  assert.equal(swapper.exitCode, null, 'the exchanges went on to the end');
  swapper.stdin.end();
  assert.equal((await ended)[0], 0);
}

/** Counts, of many sweeps, how often each code came, and what was run. */
const manySweeps = `
  const codes = {};
  for (let turn = 0; turn < 300; turn++) {
    let code = 'none';
    try { await sweep(args[0], { logger: null, ...JSON.parse(args[1]) }); } catch (error) { code = error.code; }
    codes[code] = (codes[code] ?? 0) + 1;
  }
  console.log(JSON.stringify(codes));`;

test("a base exchanged without end with a link to the victim's own is refused each time", {
  skip: noPython,
}, async t => {
  const { shared, ledger } = scene(t);
  const target = bait(t, ledger);
  const paths = [join(shared, 'base'), join(shared, 'other')] as const;
  assert.equal(spawnSync('ln', ['-s', target, paths[0]], { uid: MALLORY, gid: MALLORY }).status, 0);
  directoryOf(paths[1], MALLORY);
  await whileSwapping(t, paths, () => {
    const codes = JSON.parse(printedBy(alice, manySweeps, paths[0], '{}'));
    assert.deepEqual(codes, { DEFERRED_UNSAFE_DIRECTORY: 300 });
  });
  assert.deepEqual(read(ledger), []);
  assert.deepEqual(refusalsOf(alice, target), ['none', 'none', 'none']);
  assert.deepEqual(read(ledger), [String(ALICE)]);
});

test("where the victim trusts a directory of the attacker's, exchanges run and lose nothing but what is the victim's", {
  skip: noPython,
}, async t => {
  const { shared, ledger } = scene(t);
  const hers = directoryOf(join(shared, 'hers'), MALLORY, 0o777);
  const paths = [join(hers, 'base'), join(hers, 'other')] as const;
  renameSync(bait(t, ledger), paths[0]);
  directoryOf(paths[1], MALLORY);
  leaveOrphanAs(mallory, paths[1], ledger);
  const trust = JSON.stringify({ trustedPaths: [hers] });
  await whileSwapping(t, paths, () => {
    const codes = JSON.parse(printedBy(alice, manySweeps, paths[0], trust));
    assert.ok(codes.DEFERRED_UNSAFE_DIRECTORY > 0, JSON.stringify(codes));
  });
  // Alice's function ran as Alice, and once; Mallory's not.
  const [mine, theirs] = existsSync(join(paths[0], 'deferred')) ? paths : [paths[1], paths[0]];
  for (const base of [mine, theirs]) refusalsOf(alice, base, { trustedPaths: [hers] });
  assert.deepEqual(read(ledger), [String(ALICE)]);
  assert.ok(
    [mine, theirs].some(
      base => existsSync(join(base, 'deferred')) && readdirSync(join(base, 'deferred')).length === 1,
    ),
  );
});

test('a base that is removed and made anew by another user is refused to a manager and to a job that know the old one', {
  skip: notRoot,
}, t => {
  const { shared } = scene(t);
  const base = directoryOf(join(shared, 'base'), ALICE, 0o700);
  const hers = directoryOf(join(directoryOf(join(shared, 'mine'), ALICE, 0o700), 'hers'), MALLORY, 0o777);
  const printed = printedBy(
    alice,
    `const manager = new DeferredFunctionManager(args[0], { logger: null });
     const job = await manager.open();
     fs.rmSync(args[0], { recursive: true });
     fs.renameSync(args[1], args[0]);
     const codes = [await codeOf(() => job.defer(fs.rmSync, '/nowhere')), await codeOf(() => manager.open())];
     console.log(JSON.stringify(codes));`,
    base,
    hers,
  );
  assertRefused(JSON.parse(printed), `belongs to uid ${MALLORY}`);
  assert.deepEqual(readdirSync(base), []);
});

test("root's sweep does not follow a link of the kernel's into another namespace", {
  skip: notRoot,
}, async t => {
  const { shared, ledger } = scene(t);
  const base = directoryOf(join(dirname(shared), 'service'), 0, 0o755);
  const evil = directoryOf(join(dirname(shared), 'evil'), 0, 0o755);
  leaveOrphanAs({ uid: 0 }, evil, ledger);
  const script = 'mount --make-rprivate / && mount --bind "$1" "$2" && echo mounted && read -r _';
  const holder = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', evil, base], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => holder.kill('SIGKILL'));
  const [said] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  if (String(said) !== 'mounted\n') return t.skip('NOT TESTED: no mount namespaces here');
  const through = `/proc/${holder.pid}/root${base}`;
  assert.equal(existsSync(join(through, 'deferred')), true);
  assertRefused(refusalsOf({ uid: 0 }, through), 'leads elsewhere than its text says');
  assert.deepEqual(read(ledger), []);
  assert.deepEqual(refusalsOf({ uid: 0 }, evil), ['none', 'none', 'none']);
  assert.deepEqual(read(ledger), ['0']);
});
