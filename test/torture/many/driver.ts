/** Keeps the processes of the torture running, killing, stopping and continuing them as planned. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { SweepReport } from '#dist/index.js';
import { commandLinePath } from '../../helpers/command-line.ts';
import { thisProcess } from '../../helpers/process-life.ts';
import { write } from './log.ts';
import { type Fate, planSweeper, planWorker } from './plan.ts';
import type { Place } from './programs/owner.ts';

export interface Course extends Place {
  readonly seed: number;
  readonly workers: number;
  readonly sweepers: number;
  readonly ms: number;
}

/** What was done to the processes. */
export interface Deeds {
  workers: number;
  sweepers: number;
  /** From outside; the plans have processes kill themselves and each other beside. */
  kills: number;
  stops: number;
  /** What they wrote on standard error, other than the errors that were planned. */
  complaints: string[];
}

const PROGRAMS = new URL('./programs/', import.meta.url);

/** Keeps so many workers and sweepers alive until the time is up, then kills them all. */
export async function drive(course: Course): Promise<Deeds> {
  const driver = new Driver(course);
  const slots = [
    ...Array.from({ length: course.workers }, () => driver.keep('worker')),
    ...Array.from({ length: course.sweepers }, () => driver.keep('sweeper')),
  ];
  await sleep(course.ms);
  driver.end();
  await Promise.all(slots);
  return driver.deeds;
}

class Driver {
  readonly deeds: Deeds = { workers: 0, sweepers: 0, kills: 0, stops: 0, complaints: [] };
  readonly #course: Course;
  readonly #alive = new Set<ChildProcess>();
  #isOver = false;

  constructor(course: Course) {
    this.#course = course;
  }

  async keep(program: 'worker' | 'sweeper'): Promise<void> {
    while (!this.#isOver) await this.#live(program);
  }

  end(): void {
    this.#isOver = true;
    for (const child of this.#alive) this.#kill(child);
  }

  async #live(program: 'worker' | 'sweeper'): Promise<void> {
    const { base, log, seed, forker } = this.#course;
    const number = this.deeds[`${program}s`]++;
    const fate: Fate = (program === 'worker' ? planWorker : planSweeper)(seed, number);
    const child = fork(
      fileURLToPath(new URL(`${program}.js`, PROGRAMS)),
      [base, log, `${seed}`, `${number}`, forker ?? ''],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      },
    );
    this.#alive.add(child);
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', text => (said += text));
    const timers = fate.stops.flatMap(({ afterMs, forMs }) => [
      setTimeout(() => this.#signal(child, 'SIGSTOP'), afterMs),
      setTimeout(() => this.#signal(child, 'SIGCONT'), afterMs + forMs),
    ]);
    timers.push(setTimeout(() => this.#kill(child), fate.killAfterMs));
    // Not `close`: what it forked and what it ran may have its standard error for longer.
    await once(child, 'exit');
    for (const timer of timers) clearTimeout(timer);
    this.#alive.delete(child);
    child.stderr!.destroy();
    if (said !== '' && !said.includes('Error: planned'))
      this.deeds.complaints.push(`${program} ${number}: ${said}`);
  }

  #signal(child: ChildProcess, signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (child.kill(signal) && signal === 'SIGSTOP') this.deeds.stops++;
  }

  #kill(child: ChildProcess): void {
    if (child.pid === undefined || !this.#alive.has(child)) return;
    // Before it happens: whatever comes of it then stands behind it.
    write(this.#course.log, thisProcess, { e: 'killing', pid: child.pid });
    if (child.kill('SIGKILL')) this.deeds.kills++;
  }
}

/** Of a report: what may still be to do. */
type Left = Pick<SweepReport, 'live' | 'held' | 'sweeping' | 'pending'>;

/** Sweeps until nobody holds a lock any more and nothing is left to do. Returns whether that came about in time. */
export async function sweepToTheEnd(base: string, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    const { stdout } = spawnSync(process.execPath, [commandLinePath, 'cleanup', '--json', base], {
      encoding: 'utf8',
    });
    const report = stdout === '' ? undefined : (JSON.parse(stdout) as Left);
    if (report && report.live + report.held + report.sweeping + report.pending === 0) return true;
    // A runner of a dead sweeper, or a child that inherited a lock: nothing else tells when it ends.
    await sleep(100);
  }
  return false;
}
