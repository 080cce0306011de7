/**
 * Cuts the power of a disk. A worker goes through its jobs on a file system on a loop device whose every write and flush
 * is logged (`logged_disk.c`). Any length of the log is a moment at which the power may go; what is on the disk then is
 * every write before the last flush, and of those since any that the disk chose to write out of its cache. Each such
 * disk is mounted, which replays the file system's journal, and swept.
 */
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { read } from '../../helpers/calls.ts';
import { startChild } from '../../helpers/child.ts';
import { sweepHere } from '../../helpers/sweep-here.ts';
import { compileFuse } from '../where/compile-fuse.ts';
import { type Mounts, must, run } from '../where/mounts.ts';
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

/** Moments that one walk through the log stops at. */
const BATCH = 16;

interface Found {
  /** Disks mounted and swept. */
  disks: number;
  /** Functions that had to be on one of them, over all disks. */
  owed: number;
  /** Writes since the last flush at the moment of a cut, the most there were. */
  mostVolatile: number;
  /** Disks that lack a function whose registration had returned. */
  readonly lost: string[];
  /** Disks on which a function was to be run whose job had ended. */
  readonly repeated: string[];
  /** State files that were damaged, or not believed: a power cut may tear a record, and do no more. */
  readonly damaged: string[];
}

export type Findings = Readonly<Found>;

export class LoggedDisk {
  readonly #mounts: Mounts;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #log: string;
  readonly #ledger: string;
  readonly #blank: string;
  readonly #cutDisk: string;
  /** Length of the log when the worker began. */
  #begin = 0;
  readonly #steps: Step[] = [];

  /** Makes the disk. @throws NotHere */
  constructor(mounts: Mounts, fileSystem: FileSystem) {
    this.#mounts = mounts;
    this.#fileSystem = fileSystem;
    // In memory: each cut copies an image.
    this.#directory = mounts.by('images', 'mount', '-t', 'tmpfs', '-o', 'mode=700,size=2g', 'tmpfs');
    this.#log = join(this.#directory, 'log');
    this.#ledger = join(this.#directory, 'ledger');
    this.#blank = join(this.#directory, 'blank');
    this.#cutDisk = join(this.#directory, 'disk');
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
    this.#begin = statSync(this.#log).size;
    child.send('begin');
    for (let registered = 0; registered < functions; ) {
      const step = await child.next<Step>();
      this.#steps.push(step);
      if (step.kind === 'registered') registered++;
    }
    await child.kill();
    must('umount', base);
    must('umount', '-l', fuse); // the loop device may need a moment to let go of it
  }

  /** Cuts the power at so many moments of the log, or fewer when the time is up. */
  async cut(moments: number, endsAtMs: number): Promise<Findings> {
    const found: Found = { disks: 0, owed: 0, mostVolatile: 0, lost: [], repeated: [], damaged: [] };
    // Batch by batch, each from one end of the log to the other: whenever the time is up, all of it has been cut alike.
    for (let done = 0; done < moments && performance.now() < endsAtMs; done += BATCH) {
      await this.#cutOnce(found, endsAtMs);
    }
    return found;
  }

  async #cutOnce(found: Found, endsAtMs: number): Promise<void> {
    const certain = join(this.#directory, 'certain');
    copySparse(this.#blank, certain);
    const log = new DiskLog(this.#log, certain);
    for (const position of this.#moments()) {
      if (performance.now() > endsAtMs) break;
      const at = log.advance(position);
      found.mostVolatile = Math.max(found.mostVolatile, log.volatileWrites);
      for (const [number, survives] of CACHES.entries()) {
        if (number > 0 && log.volatileWrites === 0) break; // a disk with an empty cache is always the same
        copySparse(certain, this.#cutDisk);
        log.applyVolatile(this.#cutDisk, survives);
        await this.#judge(found, at, `at ${at}, cache ${number}`);
      }
    }
    log.close();
  }

  async #judge(found: Found, at: number, where: string): Promise<void> {
    const { mustRun, mustNotRun } = expectAt(this.#steps, at);
    const { ran, bad } = await this.#sweep();
    const missing = [...mustRun].filter(id => !ran.has(id));
    if (missing.length > 0) found.lost.push(`${where}: ${missing.length} of ${mustRun.size}`);
    const again = [...mustNotRun].filter(id => ran.has(id));
    if (again.length > 0) found.repeated.push(`${where}: ${again.join(', ')}`);
    found.damaged.push(...bad.map(text => `${where}: ${text}`));
    found.disks++;
    found.owed += mustRun.size;
  }

  /** In ascending order: half of them right where a step was said to be done, the others anywhere. */
  #moments(): number[] {
    const last = this.#steps.at(-1)!.position;
    return Array.from({ length: BATCH }, (_, index) => {
      const atStep = this.#steps[Math.floor(Math.random() * this.#steps.length)]!.position;
      return index % 2 === 0 ? atStep : this.#begin + Math.floor(Math.random() * (last - this.#begin));
    }).sort((a, b) => a - b);
  }

  async #sweep(): Promise<{ ran: Set<number>; bad: string[] }> {
    const { type, mount } = this.#fileSystem;
    const base = this.#mounts.directory('recovered');
    must('mount', '-t', type, '-o', mount, this.#cutDisk, base);
    rmSync(this.#ledger, { force: true });
    try {
      const report = await sweepHere(base);
      const bad = report.files.filter(file => file.damagedBytes !== undefined || file.error !== undefined);
      return {
        ran: new Set(read(this.#ledger).map(Number)),
        bad: bad.map(file => JSON.stringify(file)),
      };
    } finally {
      must('umount', base);
      rmSync(this.#cutDisk);
    }
  }
}

/** Images are mostly holes. */
function copySparse(from: string, to: string): void {
  must('cp', '--sparse=always', from, to);
}
