import assert from 'node:assert/strict';
import { timeFor } from '../budget.ts';
import { addRow } from '../table.ts';
import { testHere } from '../where/mounts.ts';
import { FILE_SYSTEMS, LoggedDisk } from './power-cut.ts';

/** With no bound on the time. */
const MOMENTS = 1000;
const FUNCTIONS = 120;

/** For the cuts, whatever the recording took: a busy machine must not show nothing. */
const LEAST_MS = 5000;

/** The end is what it was cut for: the last file system must have its share, too. */
const shareMs = timeFor('crash') / (FILE_SYSTEMS.length + 1);

function notBefore(endsAtMs: number): number {
  return Math.max(endsAtMs, performance.now() + LEAST_MS);
}

for (const fileSystem of FILE_SYSTEMS) {
  testHere(
    `with durability 'disk' no power cut loses a registered function or repeats a finished one (${fileSystem.type})`,
    async (t, mounts) => {
      const endsAtMs = performance.now() + shareMs;
      const disk = new LoggedDisk(mounts, fileSystem);
      await disk.record(t, 'disk', FUNCTIONS);
      const found = await disk.cut(MOMENTS, notBefore(endsAtMs));
      t.diagnostic(
        `${found.disks} disks, ${found.owed} functions owed, at most ${found.mostVolatile} unflushed writes`,
      );
      addRow({
        part: 'crash',
        what: `power cut, ${fileSystem.type}, durability disk`,
        tried: found.disks,
        found: found.lost.length + found.repeated.length + found.damaged.length,
      });
      assert.ok(found.owed > 0, 'no disk had to have a function');
      assert.deepEqual([found.lost, found.repeated, found.damaged], [[], [], []]);
    },
  );
}

testHere(
  "with durability 'process' power cuts lose functions: the cuts above can tell",
  async (t, mounts) => {
    const endsAtMs = performance.now() + shareMs / 2;
    const disk = new LoggedDisk(mounts, FILE_SYSTEMS[0]!);
    await disk.record(t, 'process', FUNCTIONS);
    const found = await disk.cut(MOMENTS / 10, notBefore(endsAtMs));
    addRow({
      part: 'crash',
      what: `power cut, ext4, durability process: disks that lost functions, as they may`,
      tried: found.disks,
      found: found.lost.length,
    });
    t.diagnostic(`${found.lost.length} of ${found.disks} disks lost functions`);
    assert.notDeepEqual(found.lost, []);
  },
);
