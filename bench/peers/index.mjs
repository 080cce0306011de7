/** The peers by name. None promises what this package does; each is the work that somebody would do with it instead. */
import { LockedLines } from './locked-lines.mjs';
import { hasTable, Table } from './table.mjs';

export const FS_EXT = 'fs-ext by hand';
export const PROPER_LOCKFILE = 'proper-lockfile';
const SQLITE = 'better-sqlite3';

/** name → a peer on a directory of its own */
export const peers = {
  [FS_EXT]: LockedLines.byHand,
  [PROPER_LOCKFILE]: LockedLines.properLockfile,
};
if (hasTable()) peers[SQLITE] = directory => new Table(directory);
else console.error(`  (without ${SQLITE}: it is not installed)`);
