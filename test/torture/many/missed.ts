/**
 * Counts claims that were missed: files of dead owners, free, that a whole sweep met and left, and that no sweep which
 * went on at the same time took. A promise is not broken by that: the next sweep has them. Reads the log, as the checker.
 */
import type { Line } from './log.ts';

/** A process that was killed may have its locks for so long. */
const DYING_MS = 500;

interface Job {
  readonly pid: number;
  /** Functions registered, and neither cancelled nor run to an end. */
  readonly pending: Set<string>;
  /** Functions of it that run now. */
  running: number;
  /** When a function of it last began or ended. */
  lastMs: number;
  /** A failure makes it wait; a child may have its lock; its owner may have ended it. */
  isOfNoUse: boolean;
}

interface Swept {
  readonly fromMs: number;
  readonly toMs: number;
}

export class MissedClaims {
  /** How many sweeps were whole, how many of their files they might have taken, and how many of these none took. */
  readonly count = { sweeps: 0, free: 0, missed: 0 };
  readonly #jobs = new Map<string, Job>();
  readonly #jobOf = new Map<string, Job>();
  readonly #diedMs = new Map<number, number>();
  readonly #begunMs = new Map<string, number>();
  /** By process: when the sweep that goes on, or the last one, began. */
  readonly #sweepOf = new Map<number, number>();
  /** Sweeps that left a job, until it is known who ran it. */
  readonly #left = new Map<Job, Swept[]>();

  read(line: Line): void {
    const pid = Number.parseInt(line.by, 10);
    switch (line.e) {
      case 'opened':
        this.#jobs.set(line.job, { pid, pending: new Set(), running: 0, lastMs: 0, isOfNoUse: false });
        break;
      case 'deferred': {
        const job = this.#jobs.get(line.job)!;
        job.pending.add(line.fn);
        this.#jobOf.set(line.fn, job);
        break;
      }
      case 'cancelling':
        this.#jobOf.get(line.fn)?.pending.delete(line.fn);
        break;
      case 'closing':
        this.#jobs.get(line.job)!.isOfNoUse = true;
        break;
      case 'forked':
        for (const name of line.jobs) this.#jobs.get(name)!.isOfNoUse = true;
        break;
      case 'killing':
        if (!this.#diedMs.has(line.pid)) this.#diedMs.set(line.pid, line.ms);
        break;
      case 'sweeping':
        this.#begunMs.set(line.by, line.ms);
        this.#sweepOf.set(pid, line.ms);
        break;
      case 'swept':
        if (line.isWhole) this.#sweptFrom(this.#begunMs.get(line.by)!, line.ms);
        break;
      case 'start':
        this.#began(line);
        break;
      case 'end':
      case 'threw': {
        const job = this.#jobOf.get(line.fn);
        if (!job) break;
        job.running--;
        job.lastMs = line.ms;
        job.pending.delete(line.fn);
        if (line.e === 'threw') job.isOfNoUse = true;
        break;
      }
    }
  }

  #began(line: Extract<Line, { e: 'start' }>): void {
    const job = this.#jobOf.get(line.fn);
    if (!job) return;
    job.running++;
    job.lastMs = line.ms;
    const bySince = this.#sweepOf.get(line.parent);
    for (const { toMs } of this.#left.get(job) ?? []) {
      // By a worker, whose sweeps are not in the log, or by a sweep that went on at that time: it was taken.
      if (bySince !== undefined && bySince > toMs) this.count.missed++;
    }
    this.#left.delete(job);
  }

  #sweptFrom(fromMs: number, toMs: number): void {
    this.count.sweeps++;
    for (const job of this.#jobs.values()) {
      const diedMs = this.#diedMs.get(job.pid);
      if (job.isOfNoUse || job.pending.size === 0 || diedMs === undefined) continue;
      if (diedMs + DYING_MS > fromMs || job.running > 0) continue;
      this.count.free++;
      if (job.lastMs < fromMs) this.#left.set(job, [...(this.#left.get(job) ?? []), { fromMs, toMs }]);
    }
  }
}
