import { statfsSync } from 'node:fs';
import { DeferredSweepError } from '../errors.ts';

/**
 * On the locks of a file system. `network`: they may exclude only within one host or mount, or need mount options.
 * `local`: nothing is known against them.
 */
export type FileSystemVerdict = 'local' | 'network';

/** Super block magic numbers, from linux/magic.h and the file systems' own headers; see statfs(2). */
const ceph = 0x00c36400;
const overlay = 0x794c7630;
const network: ReadonlySet<number> = new Set([
  0x00006969, // NFS
  0x0000517b, // SMB, the old smbfs
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2 and 3
  0x01021997, // 9p: virtual machine shares, WSL
  0x786f4256, // VirtualBox shared folders
  0x65735546, // FUSE: sshfs, s3fs, bindfs, also virtiofs; some are local, none says so
  0x5346414f, // AFS
  0x6b414653, // AFS in the kernel
  0x73757245, // Coda
  0x0bd00bd0, // Lustre: needs mount option flock
  0x47504653, // GPFS (IBM Storage Scale)
  0x19830326, // BeeGFS: needs tuneUseGlobalFileLocks
  0x20030528, // OrangeFS
  0x01161970, // GFS2
  0x7461636f, // OCFS2
]);

/**
 * Always `local` outside of Linux: other systems have other numbers, and Node does not give names.
 * @throws DeferredSweepError `DEFERRED_UNSUPPORTED` on Ceph, whose locks hang and fail with EIO under contention
 */
export function fileSystemVerdict(path: string): FileSystemVerdict {
  if (process.platform !== 'linux') return 'local';
  const magic = statfsSync(path).type;
  if (magic === ceph) {
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      `cannot rely on locks in ${path}: it is on Ceph, whose locks fail and hang under contention; ` +
        'put the state directory on a local file system',
      { path },
    );
  }
  return network.has(magic) ? 'network' : 'local';
}

/** Most containers have their root on overlayfs. */
export function isOnOverlay(path: string): boolean {
  return process.platform === 'linux' && statfsSync(path).type === overlay;
}
