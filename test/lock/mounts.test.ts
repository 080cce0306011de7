import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import test from 'node:test';
import {
  fuseUser,
  isFuse,
  isUntrustedDevice,
  type Mount,
  mountsOnTheWay,
  parseMounts,
  readMounts,
} from '#dist/lock/mounts.js';

/** As Linux writes it: optional fields before the hyphen, octal escapes, mounts on each other, hidden ones. */
const mounts = parseMounts(`
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:25 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw
40 27 8:17 / /media/a\\040b rw,nosuid,nodev shared:7 master:2 - ext4 /dev/sdb1 rw
41 27 0:40 / /srv rw - tmpfs tmpfs rw
42 41 0:41 / /srv/deep rw,nosuid - fuse.sshfs alice@host: rw,user_id=1000,group_id=1000,allow_other
43 27 0:42 / /mnt rw - fuse.old old rw,user_id=0
44 43 0:43 / /mnt rw - xfs /dev/loop3 rw
45 43 0:44 / /mnt/hidden rw,nosuid - ext4 /dev/loop4 rw
46 27 0:45 /sub /pool rw,nosuid - btrfs /dev/sdc rw
47 27 8:33 / /ntfs rw - fuseblk /dev/sdc1 rw,user_id=0
`);
const pointsTo = (path: string): string[] => mountsOnTheWay(mounts, path).map(mount => `${mount.id}`);
const byId = (id: number): Mount => mounts.find(mount => mount.id === id)!;

test('the way goes through the mounts on it in their order, and through none that another hides', () => {
  assert.deepEqual(pointsTo('/'), ['27']);
  assert.deepEqual(pointsTo('/home/alice'), ['27']);
  assert.deepEqual(pointsTo('/media/a b/base'), ['27', '40']);
  assert.deepEqual(pointsTo('/srv/deep/base'), ['27', '41', '42']);
  assert.deepEqual(pointsTo('/srv/deeper'), ['27', '41']);
  assert.deepEqual(pointsTo('/mnt/hidden/base'), ['27', '43', '44']);
});

test('in a chroot, whose root has a parent that is not listed, the way begins at what is', () => {
  const inside = parseMounts(
    '90 27 254:0 /jail / rw - ext4 /dev/vda rw\n91 90 0:9 / /tmp rw - tmpfs tmpfs rw\n',
  );
  assert.deepEqual(
    mountsOnTheWay(inside, '/tmp/x').map(mount => mount.id),
    [90, 91],
  );
});

test('FUSE is told by its type, and who mounted it by its options', () => {
  const fuse = mounts.filter(isFuse).map(mount => [mount.id, fuseUser(mount)]);
  assert.deepEqual(fuse, [
    [42, 1000],
    [43, 0],
    [47, 0],
  ]);
  assert.equal(fuseUser(byId(27)), undefined);
});

test('a device mounted nosuid may hold forged owners; a tmpfs may not', () => {
  assert.deepEqual(
    mounts.filter(isUntrustedDevice).map(mount => mount.id),
    [40, 45, 46],
  );
});

test('a line of another shape is left out', () => {
  assert.deepEqual(parseMounts('\n1 2\nx\n'), []);
});

test("the system's own list leads to every place that is there", {
  skip: process.platform === 'linux' ? false : 'NOT TESTED: no mountinfo here',
}, () => {
  const through = mountsOnTheWay(readMounts(), '/proc/self');
  assert.equal(through[0]?.mountPoint, '/');
  assert.equal(through.at(-1)?.type, 'proc');
  assert.equal(through.at(-1)?.major, 0);
  assert.ok(statSync(through.at(-1)!.mountPoint).isDirectory());
});
