/** Mounts on the way: the maker of a file system can claim any owner for its files. */
import { statfsSync } from 'node:fs';
import {
  fuseUser,
  isFuse,
  isUntrustedDevice,
  type Mount,
  mountsOnTheWay,
  readMounts,
} from '../lock/mounts.ts';
import { type Distrust, trustAdvice, type Viewer } from './trust.ts';
import { describeUser } from './user-name.ts';
import type { Way } from './way.ts';

/** Super block magic number, see statfs(2). */
const FUSE_MAGIC = 0x65735546;

/** Why a mount on the way is untrusted, or undefined. The mount of `/` is trusted: this program lies on it, too. */
export function distrustMounts(
  way: Way,
  viewer: Viewer,
  isCovered: (path: string) => boolean,
): Distrust | undefined {
  // Listed only if needed: a node may have thousands of mounts.
  if (!crossesDevices(way) || (viewer.uid !== 0 && !hasFuse(way))) return undefined;
  const through = mountsOnTheWay(readMounts(), way.lastDirectory.path).filter(
    ({ mountPoint }) => mountPoint !== '/' && !isCovered(mountPoint),
  );
  return through.map(mount => distrustMount(mount, viewer)).find(distrust => distrust !== undefined);
}

/** Root trusts no file system in which an ordinary user may forge owners. A user trusts root's mounts and its own. */
function distrustMount(mount: Mount, viewer: Viewer): Distrust | undefined {
  const { mountPoint: path, type } = mount;
  const advice = `use a directory on another file system; only if the maker of this one may run code as ${describeUser(viewer.uid)}, ${trustAdvice(path)}`;
  if (isFuse(mount)) {
    const maker = fuseUser(mount);
    if (viewer.uid !== 0 && (maker === 0 || maker === viewer.uid)) return undefined;
    const whose = maker === undefined ? '' : ` of ${describeUser(maker)}`;
    return {
      path,
      what: `${path}, on the way to it, is a FUSE mount${whose} (${type}), which can claim any owner`,
      advice,
    };
  }
  if (viewer.uid !== 0 || !isUntrustedDevice(mount)) return undefined;
  return {
    path,
    what: `${path}, on the way to it, is mounted nosuid from ${mount.source}: its owners may be forged`,
    advice,
  };
}

/** One call for each device. */
function hasFuse({ steps }: Way): boolean {
  const directories = steps.filter(({ stat }) => stat.isDirectory());
  const byDevice = new Map(directories.map(({ path, stat }) => [stat.dev, path]));
  return [...byDevice.values()].some(path => statfsSync(path).type === FUSE_MAGIC);
}

/** False for a way within one file system: it meets no other mount. */
function crossesDevices({ steps }: Way): boolean {
  return process.platform === 'linux' && steps.some(({ stat }) => stat.dev !== steps[0]!.stat.dev);
}
