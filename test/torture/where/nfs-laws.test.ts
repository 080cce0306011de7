/** The laws of `laws.ts` on NFS: one client, one mount. All but one. */
import assert from 'node:assert/strict';
import { addRow } from '../table.ts';
import { LAWS } from './laws.ts';
import { testHere } from './mounts.ts';
import { mountAs, NFS_VERSIONS } from './nfs.ts';

/** `nfs-traps.test.ts` has what is true instead. */
const BROKEN = 'an owner whose file is removed writes itself another; its end removes that';

for (const version of NFS_VERSIONS) {
  testHere(`on NFS ${version}, one client`, async (t, mounts) => {
    process.env.TMPDIR = mountAs('one', mounts, version);
    t.after(() => delete process.env.TMPDIR);
    const laws = Object.entries(LAWS).filter(([title]) => title !== BROKEN);
    assert.equal(laws.length, Object.keys(LAWS).length - 1);
    for (const [title, law] of laws) await t.test(title, law);
    addRow({ part: 'where', what: `NFS ${version}, one client`, tried: laws.length, found: 0 });
  });
}
