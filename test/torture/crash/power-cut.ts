/**
 * Cuts the power of a disk. A worker goes through its jobs on a file system on a loop device whose every write and flush
 * is logged (`logged_disk.c`). Any length of the log is a moment at which the power may go; what is on the disk then is
 * every write before the last flush, and of those since any that the disk chose to write out of its cache. Each such
 * disk is mounted, which replays the file system's journal, and swept.
 */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { sweep } from '#dist/index.js';
import { read } from '../../helpers/calls.ts';
import { startChild } from '../../helpers/child.ts';
import { compileFuse } from '../where/compile-fuse.ts';
import { type Mounts, run } from '../where/mounts.ts';
import { DiskLog } from './disk-log.ts';
import { expectAt, type Step } from './steps.ts';

export interface FileSystem {
  readonly type: 'ext4' | 'xfs' | 'btrfs';
  readonly megabytes: number;
  readonly mkfs: readonly string[];
  readonly mount: string;
}

export const FILE_SYSTEMS: readonly FileSystem[] = [
  {
    type: 'ext4',
    megabytes: 32,
    // All of it made before the log begins, not in the background.
    mkfs: ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'],
    mount: 'loop',
  },
  // Copies have the same UUID, and the first one is still being unmounted.
  { type: 'xfs', megabytes: 320, mkfs: ['-q', '-K'], mount: 'loop,nouuid' },
  { type: 'btrfs', megabytes: 128, mkfs: ['-q', '-K', '-m', 'single'], mount: 'loop' },
];

/** What survives of the writes since the last flush: nothing, all (a copy of the loop device's image), each or not. */
const CACHES = [() => false, () => true, () => Math.random() < 0.5, () => Math.random() < 0.9] as const;

export interface Findings {
  /** Disks mounted and swept. */
  readonly disks: number;
  /** Functions that had to be on one of them, over all disks. */
  readonly owed: number;
  /** Writes since the last flush at the moment of a cut, the most there were. */
  readonly mostVolatile: number;
  /** Disks that lack a function whose registration had returned. */
  readonly lost: readonly string[];
  /** Disks on which a function was to be run whose job had ended. */
  readonly repeated: readonly string[];
  /** State files that were damaged, or not believed: a power cut may tear a record, and do no more. */
  readonly damaged: readonly string[];
}

export class LoggedDisk {
  readonly #mounts: Mounts;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #log: string;
  readonly #ledger: string;
  readonly #blank: string;
  #steps: Step[] = [];

  /** Makes the disk. @throws NotHere */
  constructor(mounts: Mounts, fileSystem: FileSystem) {
    this.#mounts = mounts;
    this.#fileSystem = fileSystem;
    // In memory: each cut copies an image.
    this.#directory = mounts.by('images', 'mount', '-t', 'tmpfs', '-o', 'mode=700,size=2g', 'tmpfs');
    this.#log = join(this.#directory, 'log');
    this.#ledger = join(this.#directory, 'ledger');
    this.#blank = join(this.#directory, 'blank');
    const { type, megabytes, mkfs } = fileSystem;
    writeFileSync(this.#blank, '');
    truncateSync(this.#blank, megabytes * 2 ** 20);
    run(`mkfs.${type}`, ...mkfs, this.#blank);
  }

  /** A worker works on the disk until it has registered so many functions, and is killed. */
  async record(t: TestContext, durability: 'process' | 'disk', functions: number): Promise<void> {
    const image = join(this.#directory, 'image');
    copySparse(this.#blank, image);
    const program = compileFuse('crash/logged_disk.c', this.#mounts.directory('bin'));
    const fuse = this.#mounts.by('fuse', program, image, this.#log);
    const { type, mount } = this.#fileSystem;
    const base = this.#mounts.by('base', 'mount', '-t', type, '-o', mount, join(fuse, 'disk'));
    const child = startChild(t, 'job-on-disk', { args: [base, this.#ledger, this.#log, durability] });
    await child.next();
    child.send('begin');
    for (let registered = 0; registered < functions; ) {
      const step = await child.next<Step>();
      this.#steps.push(step);
      if (step.kind === 'registered') registered++;
    }
    await child.kill();
    run('umount', base);
    run('umount', fuse);
  }

  /** Cuts the power at so many moments, spread over the log, as long as there is time. */
  async cut(moments: number, endsAtMs: number): Promise<Findings> {
    const found = {
      disks: 0,
      owed: 0,
      mostVolatile: 0,
      lost: [] as string[],
      repeated: [] as string[],
      damaged: [] as string[],
    };
    const certain = join(this.#directory, 'certain');
    copySparse(this.#blank, certain);
    const log = new DiskLog(this.#log, certain);
    const last = this.#steps.at(-1)!.position;
    for (const position of this.#moments(moments)) {
      if (performance.now() > endsAtMs) break;
      const at = log.advance(Math.min(position, last));
      found.mostVolatile = Math.max(found.mostVolatile, log.volatileWrites);
      const { mustRun, mustNotRun } = expectAt(this.#steps, at);
      for (const [number, survives] of CACHES.entries()) {
        if (number > 0 && log.volatileWrites === 0) break;
        const disk = join(this.#directory, 'disk');
        copySparse(certain, disk);
        log.applyVolatile(disk, survives);
        const { ran, bad } = await this.#sweep(disk);
        const where = `${at} of ${last}, cache ${number}`;
        const missing = [...mustRun].filter(id => !ran.has(id));
        if (missing.length > 0) found.lost.push(`${where}: ${missing.length} of ${mustRun.size}`);
        const again = [...mustNotRun].filter(id => ran.has(id));
        if (again.length > 0) found.repeated.push(`${where}: ${again.join(', ')}`);
        found.damaged.push(...bad.map(text => `${where}: ${text}`));
        found.disks++;
        found.owed += mustRun.size;
      }
    }
    log.close();
    return found;
  }

  /** Half of them right where a step was said to be done, the others anywhere. In ascending order. */
  #moments(count: number): number[] {
    const last = this.#steps.at(-1)!.position;
    return Array.from({ length: count }, (_, index) => {
      const atStep = this.#steps[Math.floor(Math.random() * this.#steps.length)]!.position;
      return index % 2 === 0 ? atStep : Math.floor(Math.random() * last);
    }).sort((a, b) => a - b);
  }

  async #sweep(disk: string): Promise<{ ran: Set<number>; bad: string[] }> {
    const { type, mount } = this.#fileSystem;
    const base = this.#mounts.directory('recovered');
    run('mount', '-t', type, '-o', mount, disk, base);
    rmSync(this.#ledger, { force: true });
    try {
      const report = await sweep(base, { isolation: 'none', logger: null });
      const bad = report.files.filter(file => file.damagedBytes !== undefined || file.error !== undefined);
      return {
        ran: new Set(read(this.#ledger).map(Number)),
        bad: bad.map(file => JSON.stringify(file)),
      };
    } finally {
      run('umount', base);
      rmSync(disk);
    }
  }
}

/** Images are mostly holes. */
function copySparse(from: string, to: string): void {
  run('cp', '--sparse=always', from, to);
}
