/** Where state directories lie: what is set up for each file system. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ALICE } from '../../helpers/users.ts';
import type { Mounts } from './mounts.ts';

export interface Place {
  readonly name: string;
  /** Files of the other suites that say something else about this place, on purpose. */
  readonly unfit?: readonly string[];
  /** Who works there, if it is not root. */
  readonly user?: number;
  /** Returns a directory there. @throws NotHere */
  setUp(mounts: Mounts): string;
}

export const PLACES: readonly Place[] = [
  { name: 'tmpfs', setUp: mounts => mounts.tmpfs('tmpfs') },
  { name: 'ext4', setUp: mounts => mounts.loop('ext4', 128) },
  { name: 'xfs', setUp: mounts => mounts.loop('xfs', 320) },
  { name: 'btrfs', setUp: mounts => mounts.loop('btrfs', 256) },
  {
    name: 'overlayfs, a directory of the upper layer',
    setUp(mounts) {
      const merged = mounts.overlay('merged', mounts.directory('lower'), mounts.tmpfs('over'));
      const path = join(merged, 'made');
      mkdirSync(path, { mode: 0o700 });
      return path;
    },
  },
  {
    name: 'overlayfs, a directory of the lower layer',
    setUp(mounts) {
      mounts.directory('lower/given');
      // Both layers on one file system here, on two above: inode numbers come about differently.
      return join(mounts.overlay('merged', mounts.directory('lower'), mounts.directory('over')), 'given');
    },
  },
  {
    name: 'FUSE (bindfs), one mount',
    unfit: [
      'lock/file-system.test.js', // says that the file system of the tests is local
      // They remove a directory while a file of it is open: FUSE keeps that in it, under another name.
      ...['lock/held-file', 'lock/self-test', 'state/state-file', 'job/directory'].map(
        name => `${name}.test.js`,
      ),
      'trust/trust.test.js', // the number of links may be a second old
    ],
    // Root would have to be told to trust it.
    user: ALICE,
    setUp: mounts => mounts.bindfs('bindfs', mounts.directoryOf('source', ALICE)),
  },
];
