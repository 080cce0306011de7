/** What must hold of state files and their locks wherever they lie. Each law works below `tmpdir()`. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { tryLock } from '#dist/lock/advisory-lock.js';
import { namesLockedFile } from '#dist/lock/held-file.js';
import { assertLocksExclude } from '#dist/lock/self-test.js';
import { type Call, read } from '../../helpers/calls.ts';
import { startChild } from '../../helpers/child.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { arrivalAt, makeGate } from '../../helpers/gate.ts';
import { freshPlace, leaveOrphan, startWorker, sweepElsewhere } from '../../helpers/worker.ts';

const SCHEMES = ['flock', 'ofd'] as const;
const calls: Call[] = [
  { do: 'append', text: 'first' },
  { do: 'append', text: 'second' },
];
const silent = { logger: null };

export const LAWS: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  'what a killed worker left is run once by a cleanup elsewhere, which leaves nothing behind': async t => {
    const { base, ledger, directory } = freshPlace(t);
    await leaveOrphan(t, { base, ledger, calls });
    assert.equal((await sweepElsewhere(t, { verb: 'cleanup', base })).ok, 2);
    assert.deepEqual(read(ledger), ['first', 'second']);
    assert.equal(existsSync(directory), false);
  },

  "a live worker's file is left alone, and its death is noticed, with either lock": async t => {
    for (const lock of SCHEMES) {
      const { base, ledger } = freshPlace(t);
      const { child, path } = await startWorker(t, { base, ledger, calls, options: { lock } });
      const there = await sweepElsewhere(t, { verb: 'cleanup', base, options: { lock } });
      assert.deepEqual([there.live, there.ok, read(ledger).length], [1, 0, 0]);
      assert.equal(statSync(path).mode & 0o7777, 0o1600);
      await child.kill();
      assert.equal((await sweep(base, { ...silent, lock })).ok, 2);
    }
  },

  'of four sweepers at once, each function is run by one': async t => {
    const { base, ledger, directory } = freshPlace(t);
    const many = startChild(t, 'job-many', { args: [base, ledger, '80'] });
    await many.next();
    await many.kill();
    const plan = JSON.stringify({ verb: 'sweep', base, waits: true });
    const sweepers = Array.from({ length: 4 }, () => startChild(t, 'job-sweeper', { args: [plan] }));
    for (const sweeper of sweepers) assert.equal(await sweeper.next(), 'ready');
    const reports = await Promise.all(sweepers.map(sweeper => sweeper.ask<SweepReport>('go')));
    assert.deepEqual(
      read(ledger)
        .map(Number)
        .sort((a, b) => a - b),
      Array.from({ length: 80 }, (_, number) => number),
    );
    assert.ok(reports.filter(report => report.ok > 0).length > 1, 'only one of them had anything to do');
    assert.deepEqual(readdirSync(directory), []);
  },

  'a held path that is unlinked, renamed or replaced is stale': async t => {
    const root = freshDirectory(t);
    const path = join(root, 'file');
    const fd = openSync(path, 'ax+', 0o600);
    assert.equal(tryLock(fd), true);
    assert.equal(namesLockedFile(fd, path), true);
    renameSync(path, join(root, 'renamed'));
    assert.equal(namesLockedFile(fd, path), false);
    assert.equal(namesLockedFile(fd, join(root, 'renamed')), true);
    closeSync(openSync(path, 'ax'));
    assert.equal(namesLockedFile(fd, path), false);
    unlinkSync(join(root, 'renamed'));
    assert.equal(namesLockedFile(fd, join(root, 'renamed')), false);
    closeSync(fd);
  },

  'a second descriptor of a locked file is refused the lock, and the self-test sees it, by either scheme':
    async t => {
      for (const lock of SCHEMES) {
        const path = join(freshDirectory(t), 'file');
        const fd = openSync(path, 'ax+', 0o600);
        assert.equal(tryLock(fd, { scheme: lock }), true);
        const second = openSync(path, 'r+');
        assert.equal(tryLock(second, { scheme: lock }), false);
        closeSync(second);
        assert.equal(assertLocksExclude(fd, path, lock), true);
        closeSync(fd);
      }
    },

  'an owner whose file is removed writes itself another; its end removes that': async t => {
    const { base, directory } = freshPlace(t);
    await using manager = new DeferredFunctionManager(base, silent);
    const job = await manager.open();
    job.defer(Math.max, 1);
    unlinkSync(job.path);
    job.defer(Math.max, 2);
    assert.equal(existsSync(job.path), true);
    assert.equal((await job.close()).ok, 2);
    await manager.close();
    assert.deepEqual(readdirSync(directory), []);
  },

  'a worker killed while it registers loses nothing it was told is registered': async t => {
    const { base, ledger } = freshPlace(t);
    const { child } = await startWorker(t, { base, ledger });
    child.send({ op: 'defer-endlessly', bytes: 300_000 });
    let told = 0;
    while (told < 3) told = (await child.next<number>()) + 1;
    await child.kill();
    const report = await sweep(base, silent);
    assert.ok(report.ok >= told, `${report.ok} of at least ${told} ran`);
    assert.deepEqual(
      read(ledger),
      Array.from({ length: report.ok }, (_, number) => `${number}`),
    );
  },

  'the runner of a killed sweeper keeps the lock until its function is done': async t => {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    await leaveOrphan(t, { base, ledger, calls: [{ do: 'wait-for-fifo', text: 'slow', fifo }, ...calls] });
    const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify({ verb: 'sweep', base })] });
    const letThrough = await arrivalAt(fifo);
    await sweeper.kill();
    assert.equal((await sweep(base, silent)).sweeping, 1);
    await letThrough();
    assert.equal((await sweep(base, { ...silent, waitMs: 30_000 })).ok, 2);
    assert.deepEqual(read(ledger), ['slow', 'slow-end', 'first', 'second']);
  },
};
