/** The laws of `laws.ts` on NFS: one client, one mount. */
import { addRow } from '../table.ts';
import { LAWS } from './laws.ts';
import { testHere } from './mounts.ts';
import { mountAs, NFS_VERSIONS } from './nfs.ts';

for (const version of NFS_VERSIONS) {
  testHere(`on NFS ${version}, one client`, async (t, mounts) => {
    process.env.TMPDIR = mountAs('one', mounts, version);
    t.after(() => delete process.env.TMPDIR);
    const laws = Object.entries(LAWS);
    for (const [title, law] of laws) await t.test(title, law);
    addRow({ part: 'where', what: `NFS ${version}, one client`, tried: laws.length, found: 0 });
  });
}
