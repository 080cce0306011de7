/**
 * Reads the log of the torture against `docs/guarantees.md`, and nothing else: it knows neither the package nor its
 * files. `log.ts` says what the lines mean, and why their order can be relied upon.
 */
import { type Findings, noFindings, noTally, type Tally } from './findings.ts';
import type { Line, ThreadName } from './log.ts';

/** From the start of a fresh runner's first function to its first line. */
const FIRST_LOAD_MS = 2000;

interface Run {
  readonly by: ThreadName;
  readonly at: number;
  readonly ms: number;
  /** From when its time limit may count: some time before its first line. */
  readonly sinceMs: number;
  end?: { readonly ok: boolean; readonly at: number; readonly ms: number };
  /**
   * Line and time of the next start in this job by the same thread: the function was left behind by then. What its owner
   * runs ahead of the end runs beside others.
   */
  left?: { readonly at: number; readonly ms: number };
}

interface Fn {
  readonly name: string;
  readonly index: number;
  readonly runs: Run[];
  /** The number of the last one that is known. */
  attempts: number;
  isRegistered: boolean;
  /** When its owner ran it ahead of the end of the job. */
  earlyMs: number | undefined;
  cancel: 'no' | 'asked' | 'done';
}

interface Job {
  readonly owner: ThreadName;
  readonly order: 'fifo' | 'lifo';
  readonly delivery: 'at-least-once' | 'at-most-once';
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly fns: Map<string, Fn>;
  readonly runs: Run[];
  /** When each thread that ran functions of it last said so. */
  readonly lastMs: Map<ThreadName, number>;
  /** The index of the one begun last, of those that are begun in order. */
  last: number | undefined;
  /** A child forked without exec had its lock. */
  isForked: boolean;
  isClosing: boolean;
  closedAt: number | undefined;
}

export class Checker {
  readonly findings: Findings = noFindings();
  readonly tally: Tally = noTally();
  readonly #jobs = new Map<string, Job>();
  readonly #fns = new Map<string, { fn: Fn; job: Job }>();
  /** Threads, and pids as `<pid>`, that somebody announced the end of. */
  readonly #ending = new Set<string>();
  /** The last line of each thread. */
  readonly #lastWord = new Map<ThreadName, number>();
  #at = 0;

  /** Takes the lines in their order. */
  read(line: Line): void {
    const at = ++this.#at;
    this.#lastWord.set(line.by, at);
    switch (line.e) {
      case 'opened': {
        const { order, delivery, timeoutMs, maxAttempts } = line;
        this.tally.jobs++;
        this.#jobs.set(line.job, {
          ...{ owner: line.by, order, delivery, timeoutMs, maxAttempts },
          ...{ fns: new Map(), runs: [], lastMs: new Map() },
          ...{ last: undefined, isForked: false, isClosing: false, closedAt: undefined },
        });
        break;
      }
      case 'deferring': {
        const job = this.#jobs.get(line.job)!;
        const fn: Fn = {
          ...{ name: line.fn, index: job.fns.size, runs: [], attempts: 0 },
          ...{ isRegistered: false, earlyMs: undefined, cancel: 'no' },
        };
        job.fns.set(line.fn, fn);
        this.#fns.set(line.fn, { fn, job });
        break;
      }
      case 'deferred':
        this.tally.registered++;
        this.#fns.get(line.fn)!.fn.isRegistered = true;
        break;
      case 'cancelling':
        this.#askedToCancel(this.#fns.get(line.fn)!.fn, 'asked');
        break;
      case 'cancelled':
        if (line.is) this.tally.cancelled++;
        this.#askedToCancel(this.#fns.get(line.fn)!.fn, line.is ? 'done' : 'no');
        break;
      case 'running':
        this.#fns.get(line.fn)!.fn.earlyMs = line.ms;
        break;
      case 'closing':
        this.#jobs.get(line.job)!.isClosing = true;
        this.#jobs.get(line.job)!.lastMs.set(line.by, line.ms);
        break;
      case 'closed':
        this.#jobs.get(line.job)!.closedAt = at;
        break;
      case 'forked':
        this.tally.forked++;
        for (const job of line.jobs) this.#jobs.get(job)!.isForked = true;
        break;
      case 'ending':
        this.#ending.add(line.thread);
        break;
      case 'killing':
        this.#ending.add(String(line.pid));
        break;
      case 'start':
        this.#start(line, at);
        break;
      case 'end':
      case 'threw':
        this.#end(line, at);
    }
  }

  /** A second `cancel` of one that is cancelled returns false, which changes nothing. */
  #askedToCancel(fn: Fn, cancel: Fn['cancel']): void {
    if (fn.cancel !== 'done') fn.cancel = cancel;
  }

  #start(line: Extract<Line, { e: 'start' }>, at: number): void {
    const known = this.#fns.get(line.fn);
    if (!known) {
      this.findings.unknown.push(`${line.fn} by ${line.by}`);
      return;
    }
    const { fn, job } = known;
    this.tally[line.orphaned ? 'orphaned' : 'own']++;
    if (line.orphaned && job.isForked) this.tally.orphanedForked++;
    if (fn.cancel === 'done') this.findings.cancelled.push(`${fn.name} by ${line.by}, line ${at}`);
    this.#checkEarly(line, fn, job, at);
    const isAhead = !line.orphaned && fn.earlyMs !== undefined;
    for (const run of job.runs) if (run.by === line.by && !isAhead) run.left ??= { at, ms: line.ms };
    // The attempts between were begun by runners that died before their line. What is tried again follows the others.
    const unseen = line.attempt - 1 - fn.attempts;
    if (unseen < 0) this.findings.duplicated.push(`${fn.name}: attempt ${line.attempt} again, line ${at}`);
    else this.tally.unseen += unseen;
    fn.attempts = line.attempt;
    if (line.attempt === 1 && fn.earlyMs === undefined) {
      const isAfter = job.order === 'fifo' ? fn.index > (job.last ?? -1) : fn.index < (job.last ?? Infinity);
      if (!isAfter) this.findings.outOfOrder.push(`${fn.name} after ${job.last} (${job.order}), line ${at}`);
      job.last = fn.index;
    }
    // Run ahead of the end, it waits for its turn among what its thread does meanwhile.
    const early = line.orphaned || fn.runs.length > 0 ? undefined : fn.earlyMs;
    const sinceMs = early ?? job.lastMs.get(line.by) ?? line.ms - FIRST_LOAD_MS;
    const run: Run = { by: line.by, at, ms: line.ms, sinceMs };
    job.lastMs.set(line.by, line.ms);
    fn.runs.push(run);
    job.runs.push(run);
  }

  #checkEarly(line: Extract<Line, { e: 'start' }>, fn: Fn, job: Job, at: number): void {
    const where = `${fn.name} by ${line.by}, line ${at}`;
    if (!line.orphaned) {
      const isOwner = line.by === job.owner;
      if (!isOwner || !(job.isClosing || fn.earlyMs !== undefined))
        this.findings.early.push(`${where}, as its owner`);
      return;
    }
    // A job that closes gives up its lock for every copy of the descriptor; a death leaves it to whoever has one. Of a death
    // in the end of a job nobody can tell from here which came first.
    if (job.isClosing) return;
    for (const pid of line.alive) {
      if (pid === pidOf(job.owner) && this.#isEnding(job.owner)) continue;
      this.findings.early.push(`${where}, while ${pid} is alive`);
    }
  }

  #end(line: Extract<Line, { e: 'end' | 'threw' }>, at: number): void {
    const { fn, job } = this.#fns.get(line.fn) ?? {};
    const run = fn?.runs.findLast(candidate => candidate.by === line.by && !candidate.end);
    if (!fn || !job || !run) {
      this.findings.unknown.push(`the end of ${line.fn} by ${line.by}, line ${at}`);
      return;
    }
    job.lastMs.set(line.by, line.ms);
    run.end = { ok: line.e === 'end', at, ms: line.ms };
    if (isOver(job, line.ms - run.sinceMs)) return;
    const other = job.runs.find(({ by, at: began }) => by !== run.by && began > run.at);
    if (other) this.findings.overlapping.push(`${fn.name} by ${run.by} with line ${other.at} by ${other.by}`);
  }

  /** After the last line. @param letters - the functions that lie among the dead letters */
  finish(letters: ReadonlySet<string>): void {
    for (const { fn, job } of this.#fns.values()) {
      this.#checkRepeats(fn, job);
      this.#checkEnd(fn, job, letters.has(fn.name));
    }
    const [unseen, deaths] = [this.tally.unseen, this.#ending.size];
    if (unseen > deaths) this.findings.unknown.push(`${unseen} attempts without a line, ${deaths} deaths`);
    for (const name of letters)
      if (!this.#fns.has(name)) this.findings.unknown.push(`dead letter of ${name}`);
  }

  #checkRepeats({ name, runs }: Fn, job: Job): void {
    if (job.delivery === 'at-most-once' && runs.length > 1) {
      this.findings.duplicated.push(`${name} ran ${runs.length} times, not at most once`);
      return;
    }
    if (runs.length > job.maxAttempts) this.findings.duplicated.push(`${name} ran ${runs.length} times`);
    for (const [index, run] of runs.slice(0, -1).entries()) {
      const next = runs[index + 1]!;
      if (run.end?.ok === false) this.tally.retried++;
      else if (isOver(job, (run.end ?? run.left ?? next).ms - run.sinceMs)) this.tally.timedOut++;
      else if (this.#diedIn(run, next, job)) this.tally.repeated++;
      else this.findings.duplicated.push(`${name}: lines ${run.at} and ${next.at}`);
    }
  }

  /** Whether the runner may have died in this function, or between its end and the mark. */
  #diedIn(run: Run, next: Run, job: Job): boolean {
    const hasGoneOn = run.left !== undefined || (this.#lastWord.get(run.by) ?? 0) > next.at;
    const hasClosed = run.by === job.owner && (job.closedAt ?? 0) > run.at;
    return this.#isEnding(run.by) && !hasGoneOn && !hasClosed;
  }

  #checkEnd(fn: Fn, job: Job, hasLetter: boolean): void {
    const { name, runs } = fn;
    if (hasLetter) {
      this.tally.letters++;
      if (runs.length === 0) this.tally.unseen++;
      const mayBeGivenUp = job.delivery === 'at-most-once' || job.maxAttempts < 10;
      if (!mayBeGivenUp) this.findings.lost.push(`${name}: given up before its attempts were used up`);
      if (fn.cancel === 'done') this.findings.cancelled.push(`${name} has a dead letter`);
    } else if (fn.isRegistered && fn.cancel === 'no' && !runs.some(run => run.end?.ok)) {
      this.findings.lost.push(`${name}, ${runs.length} runs, of ${job.owner}`);
    }
  }

  #isEnding(thread: ThreadName): boolean {
    return this.#ending.has(thread) || this.#ending.has(String(pidOf(thread)));
  }
}

function isOver(job: Job, ms: number): boolean {
  return job.timeoutMs > 0 && ms >= job.timeoutMs;
}

function pidOf(thread: ThreadName): number {
  return Number.parseInt(thread, 10);
}
