/** The mounts of this process, as Linux lists them in `/proc/self/mountinfo`: proc_pid_mountinfo(5). */
import { readFileSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';

export interface Mount {
  readonly id: number;
  readonly parentId: number;
  /** 0: no block device. */
  readonly major: number;
  /** The directory of the file system that is mounted; `/` is all of it. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

let last: { readonly text: string; readonly mounts: readonly Mount[] } = { text: '', mounts: [] };

/** None if the system does not tell. */
export function readMounts(): readonly Mount[] {
  const text = unlessRefused(() => readFileSync('/proc/self/mountinfo', 'utf8'), '');
  // Parsing takes longer than reading, and mounts rarely change.
  if (text !== last.text) last = { text, mounts: parseMounts(text) };
  return last.mounts;
}

/** Pure. Lines of another shape are left out. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [id, parentId, device, root, mountPoint, options, ...rest] = line.split(' ');
    // A varying number of fields ends with a hyphen.
    const [type, source, superOptions] = rest.slice(rest.indexOf('-') + 1);
    if (mountPoint === undefined || type === undefined) continue;
    mounts.push({
      id: Number(id),
      parentId: Number(parentId),
      major: Number.parseInt(device ?? '', 10),
      root: unescaped(root ?? ''),
      mountPoint: unescaped(mountPoint),
      options: (options ?? '').split(','),
      type,
      source: unescaped(source ?? ''),
      superOptions: (superOptions ?? '').split(','),
    });
  }
  return mounts;
}

/**
 * The mounts on the way to `path`, the one of `path` last, without mounts that others hide. Pure.
 * @param path - absolute, without symbolic links
 */
export function mountsOnTheWay(mounts: readonly Mount[], path: string): Mount[] {
  const through: Mount[] = [];
  for (const point of ancestorsOf(path)) {
    // Several mounts on one point lie on each other, each being the parent of the next.
    for (let next = mountedOn(mounts, point, through.at(-1)); next; next = mountedOn(mounts, point, next)) {
      through.push(next);
    }
  }
  return through;
}

/** The mount of the process's root: its parent is none that the process can see. */
function mountedOn(mounts: readonly Mount[], point: string, below: Mount | undefined): Mount | undefined {
  const candidates = mounts.filter(mount => mount.mountPoint === point && mount !== below);
  if (below) return candidates.find(mount => mount.parentId === below.id && mount.id !== below.id);
  return candidates.find(mount => !candidates.some(other => other.id === mount.parentId)) ?? candidates[0];
}

/** `/`, `/a`, `/a/b` of `/a/b`. */
function ancestorsOf(path: string): string[] {
  const names = path.split('/').filter(name => name !== '');
  return ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)];
}

/** Space, tab, line end and backslash are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** True for FUSE: a process, perhaps of an ordinary user, claims owners for its files. */
export function isFuse({ type }: Mount): boolean {
  return type === 'fuse' || type === 'fuseblk' || type.startsWith('fuse.');
}

/** The uid that mounted a FUSE file system, or undefined if it is not told. */
export function fuseUser({ superOptions }: Mount): number | undefined {
  const option = superOptions.find(text => text.startsWith('user_id='));
  return option === undefined ? undefined : Number(option.slice('user_id='.length));
}

/**
 * True for a device or image that is mounted `nosuid`, as udisks and fstab's `user` do: its owners may be forged. A tmpfs
 * does not count, since it is empty when it is mounted.
 */
export function isUntrustedDevice({ major, source, options }: Mount): boolean {
  return options.includes('nosuid') && (major !== 0 || source.startsWith('/dev/'));
}
