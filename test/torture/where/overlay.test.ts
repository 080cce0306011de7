/** What is particular about overlayfs: a file exists in several layers, and locks belong to the inode of the overlay. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sweep } from '#dist/index.js';
import { tryLock } from '#dist/lock/advisory-lock.js';
import { namesLockedFile } from '#dist/lock/held-file.js';
import { assertLocksExclude } from '#dist/lock/self-test.js';
import { type Call, read } from '../../helpers/calls.ts';
import { peerInProcess } from '../../helpers/lock-peer.ts';
import { leaveOrphan, startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { testHere } from './mounts.ts';

const silent = { logger: null } as const;
const calls: Call[] = [{ do: 'append', text: 'ran' }];

testHere(
  'an orphan in a lower layer is run and removed, once in every overlay of that layer',
  async (t, mounts) => {
    const lower = mounts.directory('lower');
    const ledger = join(mounts.directory('elsewhere'), 'ledger');
    const orphan = await leaveOrphan(t, { base: lower, ledger, calls });
    for (const container of ['first', 'second']) {
      const merged = mounts.overlay(container, lower, mounts.tmpfs(`${container}-over`));
      assert.equal((await sweep(merged, silent)).ok, 1);
      assert.deepEqual(readdirSync(join(merged, 'deferred')), []);
      assert.equal((await sweep(merged, silent)).ok, 0);
    }
    assert.deepEqual(read(ledger), ['ran', 'ran']);
    assert.equal(existsSync(orphan), true, 'the layer itself is as it was');
    addRow({ part: 'where', what: 'overlayfs: an orphan in a lower layer', tried: 2, found: 0 });
  },
);

testHere(
  'a lock taken before the file was copied up holds after it, and the path is not stale',
  async (t, mounts) => {
    for (const scheme of ['flock', 'ofd'] as const) {
      const lower = mounts.directory(`lower-${scheme}`);
      writeFileSync(join(lower, 'file'), 'x');
      const merged = mounts.overlay(`merged-${scheme}`, lower, mounts.directory('over'));
      const path = join(merged, 'file');
      const fd = openSync(path, 'r'); // for reading: not copied up yet
      t.after(() => closeSync(fd));
      assert.equal(tryLock(fd, { scheme, shared: true }), true);
      const peer = peerInProcess(t);
      const other = await peer.open(path); // for writing: copied up
      assert.equal(existsSync(join(mounts.directory('over'), `merged-${scheme}-upper`, 'file')), true);
      assert.equal(await peer.set(other, 'exclusive', scheme), false);
      assert.equal(namesLockedFile(fd, path), true);
    }
    addRow({ part: 'where', what: 'overlayfs: a lock across a copy-up', tried: 2, found: 0 });
  },
);

testHere(
  'TRAP: a lock held in a layer is not seen through the overlay, and the self-test cannot know',
  async (t, mounts) => {
    const lower = mounts.directory('lower');
    const ledger = join(mounts.directory('elsewhere'), 'ledger');
    await startWorker(t, { base: lower, ledger, calls });
    const merged = mounts.overlay('merged', lower, mounts.tmpfs('over'));
    const [name] = readdirSync(join(merged, 'deferred'));
    const path = join(merged, 'deferred', name!);
    const fd = openSync(path, 'r+');
    t.after(() => closeSync(fd));
    assert.equal(tryLock(fd), true);
    assert.equal(assertLocksExclude(fd, path, 'flock'), true);
    addRow({ part: 'where', what: 'overlayfs: the trap of two paths', tried: 1, found: 0 });
  },
);
