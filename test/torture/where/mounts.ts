/** File systems made for a test, from the system's own tools, and what is said where one cannot be had. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

/** What a test needs is not to be had on this machine: it is skipped, and says so. */
export class NotHere extends Error {}

/** Runs a program of the system to its end and returns what it printed. @throws NotHere if it is missing or fails */
export function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new NotHere(`NOT TESTED: ${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

/** As {@link run}, for what cannot fail once the place is set up. @throws Error */
export function must(program: string, ...args: string[]): string {
  try {
    return run(program, ...args);
  } catch (error) {
    throw error instanceof NotHere ? new Error(error.message.replace('NOT TESTED: ', '')) : error;
  }
}

/** A test that is skipped, loudly, where the body throws {@link NotHere}; its mounts are gone at its end. */
export function testHere(title: string, body: (t: TestContext, mounts: Mounts) => Promise<void>): void {
  test(title, async t => {
    const mounts = new Mounts(t);
    try {
      await body(t, mounts);
    } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      console.error(error.message);
      t.skip(error.message);
    }
  });
}

/** Directories and mounts below a directory of their own. */
export class Mounts {
  readonly #root = realpathSync(mkdtempSync(join(tmpdir(), 'deferred-sweep-where-')));
  readonly #mounted: string[] = [];

  constructor(t: TestContext) {
    t.after(() => {
      // Lazily: a child of the test may not have ended yet. A loop device goes with its mount, a FUSE server, too.
      for (const path of this.#mounted.reverse()) spawnSync('umount', ['-l', path]);
      rmSync(this.#root, { recursive: true, force: true });
    });
  }

  /** A directory of this name, made if it is not there. */
  directory(name: string): string {
    const path = join(this.#root, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** A directory of another user's, who can go there. */
  directoryOf(name: string, uid: number): string {
    const path = this.directory(name);
    chmodSync(this.#root, 0o711);
    chownSync(path, uid, uid);
    return path;
  }

  /** Lets other users, as whom tests act, come as far as this directory. */
  openTo(directory: string): void {
    for (let path = directory; path.startsWith(this.#root); path = dirname(path)) chmodSync(path, 0o711);
  }

  /** Mounts on a directory of this name, by a program that takes the directory as its last argument. */
  by(name: string, program: string, ...args: string[]): string {
    const path = this.directory(name);
    run(program, ...args, path);
    this.#mounted.push(path);
    return path;
  }

  tmpfs(name: string): string {
    return this.by(name, 'mount', '-t', 'tmpfs', '-o', 'mode=700,size=256m', 'tmpfs');
  }

  /** A file system of this type on a loop device. */
  loop(type: 'ext4' | 'xfs' | 'btrfs', megabytes: number): string {
    const image = join(this.#root, `${type}.img`);
    writeFileSync(image, '');
    truncateSync(image, megabytes * 2 ** 20);
    run(`mkfs.${type}`, '-q', image);
    return this.by(type, 'mount', '-t', type, '-o', 'loop', image);
  }

  /** An overlay of `upper`, made in the directory or file system `over`, on `lower`. */
  overlay(name: string, lower: string, over: string): string {
    const [upper, work] = ['upper', 'work'].map(part => {
      const path = join(over, `${name}-${part}`);
      mkdirSync(path, { mode: 0o700 });
      return path;
    });
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    return this.by(name, 'mount', '-t', 'overlay', '-o', layers, 'overlay');
  }

  bindfs(name: string, source: string, ...options: string[]): string {
    return this.by(name, 'bindfs', ...options, source);
  }
}
