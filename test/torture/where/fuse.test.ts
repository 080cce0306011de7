/** FUSE: locks that do nothing, which the self-test must catch, and locks that end at the mount, which it cannot. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { tryLock } from '#dist/lock/advisory-lock.js';
import { fileSystemVerdict } from '#dist/lock/file-system.js';
import { assertLocksExclude } from '#dist/lock/self-test.js';
import { type Call, read } from '../../helpers/calls.ts';
import { cli, leaveOrphan, startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { compileFuse } from './compile-fuse.ts';
import { type Mounts, testHere } from './mounts.ts';

/** Root believes what a FUSE file system says of owners only where it is told to. */
const silentAt = (base: string) => ({ logger: null, trustedPaths: [base] }) as const;
const calls: Call[] = [{ do: 'append', text: 'ran' }];

function mirror(mounts: Mounts, locks: 'locks' | 'no-locks', source: string): string {
  const program = compileFuse('where/mirror_fs.c', mounts.directory('bin'));
  return mounts.by(`mirror of ${basename(source)}`, program, locks, source);
}

testHere(
  'where locks do nothing, a sweep runs nothing and no job opens: DEFERRED_LOCK_INEFFECTIVE',
  async (t, mounts) => {
    const source = mounts.directory('source');
    const ledger = join(mounts.directory('elsewhere'), 'ledger');
    const orphan = await leaveOrphan(t, { base: source, ledger, calls });
    const base = mirror(mounts, 'no-locks', source);
    const ineffective = { name: 'DeferredSweepError', code: 'DEFERRED_LOCK_INEFFECTIVE' };
    for (const lock of ['flock', 'ofd'] as const) {
      await assert.rejects(sweep(base, { ...silentAt(base), lock }), ineffective);
      await assert.rejects(
        DeferredFunctionManager.cleanupWorker(base, { ...silentAt(base), lock }),
        ineffective,
      );
      await assert.rejects(
        new DeferredFunctionManager(base, { ...silentAt(base), lock }).open(),
        ineffective,
      );
    }
    const { status, stderr } = await cli('--trust', base, base);
    assert.equal(status, 3);
    assert.match(stderr, /granted a second exclusive lock/);
    assert.deepEqual(read(ledger), []);
    assert.equal(existsSync(orphan), true);

    // Without an orphan the job's own file is what tells.
    const empty = mirror(mounts, 'no-locks', mounts.directory('empty'));
    await assert.rejects(new DeferredFunctionManager(empty, silentAt(empty)).open(), ineffective);
    assert.deepEqual(readdirSync(join(empty, 'deferred')), []);
    addRow({ part: 'where', what: 'FUSE whose locks do nothing', tried: 8, found: 0 });
  },
);

testHere('the same file system is used where its locks work', async (t, mounts) => {
  const source = mounts.directory('source');
  const ledger = join(mounts.directory('elsewhere'), 'ledger');
  await leaveOrphan(t, { base: source, ledger, calls });
  const base = mirror(mounts, 'locks', source);
  for (const lock of ['flock', 'ofd'] as const) {
    await using manager = new DeferredFunctionManager(base, { ...silentAt(base), lock });
    await manager.open();
  }
  assert.deepEqual(read(ledger), ['ran']);
});

testHere(
  'TRAP: a lock held through bindfs is not seen past it; the mount warns, its source cannot',
  async (t, mounts) => {
    const source = mounts.directory('source');
    const mounted = mounts.bindfs('mounted', source);
    const ledger = join(mounts.directory('elsewhere'), 'ledger');
    const { path } = await startWorker(t, {
      base: mounted,
      ledger,
      calls,
      options: { trustedPaths: [mounted] },
    });
    const other = mounts.bindfs('other', source);
    for (const base of [source, other]) {
      const there = join(base, path.slice(mounted.length));
      const fd = openSync(there, 'r+');
      assert.equal(tryLock(fd), true);
      assert.equal(assertLocksExclude(fd, there, 'flock'), true);
      closeSync(fd);
    }
    const warnings: string[] = [];
    const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
    await using manager = new DeferredFunctionManager(mounted, { ...silentAt(mounted), logger });
    await manager.open();
    assert.match(warnings.join('\n'), /network or FUSE file system/);
    assert.equal(fileSystemVerdict(source), 'local');
    addRow({ part: 'where', what: 'FUSE: the trap of two paths', tried: 2, found: 0 });
  },
);

testHere(
  'bindfs told to forward locks excludes past its mount by flock; its OFD locks do nothing, and are refused',
  async (_t, mounts) => {
    const source = mounts.directory('source');
    const base = mounts.bindfs('mounted', source, '--enable-lock-forwarding', '--multithreaded');
    await using manager = new DeferredFunctionManager(base, silentAt(base));
    const job = await manager.open();
    const fd = openSync(join(source, job.path.slice(base.length)), 'r+');
    assert.equal(tryLock(fd), false);
    closeSync(fd);
    await assert.rejects(new DeferredFunctionManager(base, { ...silentAt(base), lock: 'ofd' }).open(), {
      code: 'DEFERRED_LOCK_INEFFECTIVE',
    });
  },
);
