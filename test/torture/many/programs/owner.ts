/** What a thread of a worker does: its plan's managers side by side, each job by job. */
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { DeferredFunction, DeferredFunctionManager, type Job, type Registration } from '#dist/index.js';
import { bareFork } from '../../../helpers/bare-fork.ts';
import { nameProcess, thisProcess } from '../../../helpers/process-life.ts';
import { noteHolder } from '../holders.ts';
import { type Event, nameThread, write } from '../log.ts';
import type { JobPlan, ManagerPlan, Step, ThreadPlan } from '../plan.ts';
import type { Call } from './functions.ts';

/** Where everything is. */
export interface Place {
  readonly base: string;
  readonly log: string;
  /** The addon of `bare-fork.ts`; without it nobody forks without exec. */
  readonly forker: string | undefined;
}

const MODULE = import.meta.resolve('./functions.js');

/** The jobs of this thread whose files are locked. */
const openJobs = new Set<string>();

/** @param name - of the thread, unique in the whole run */
export async function runThread(place: Place, name: string, plan: ThreadPlan): Promise<void> {
  await Promise.all(plan.managers.map((manager, index) => runManager(place, `${name}.${index}`, manager)));
}

async function runManager(place: Place, name: string, plan: ManagerPlan): Promise<void> {
  const manager = new DeferredFunctionManager(place.base, { logger: null, ...plan.options });
  for (const [index, jobPlan] of plan.jobs.entries()) {
    await new PlannedJob(place, `${name}.${index}`, await manager.open(), plan.options).run(jobPlan);
  }
  if (!plan.jobs.some(job => job.isAbandoned)) await manager.close();
}

class PlannedJob {
  readonly #place: Place;
  readonly #name: string;
  readonly #job: Job;
  readonly #registered: { fn: string; registration: Registration }[] = [];
  readonly #early: Promise<unknown>[] = [];

  constructor(place: Place, name: string, job: Job, options: ManagerPlan['options']) {
    this.#place = place;
    this.#name = name;
    this.#job = job;
    const { order = 'fifo', delivery = 'at-least-once', timeoutMs = 0, maxAttempts = 0 } = options;
    this.#say({ e: 'opened', job: name, order, delivery, timeoutMs, maxAttempts });
    openJobs.add(name);
  }

  async run({ steps, isAbandoned }: JobPlan): Promise<void> {
    for (const step of steps) {
      await this.#take(step);
      await setImmediate();
    }
    if (isAbandoned) return;
    openJobs.delete(this.#name);
    this.#say({ e: 'closing', job: this.#name });
    await this.#job.close();
    await Promise.all(this.#early);
    this.#say({ e: 'closed', job: this.#name });
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'defer':
        return this.#defer(step);
      case 'pause':
        return sleep(step.ms);
      case 'fork':
        if (step.inherits === 'everything') return this.#bareFork(step.ms);
        return this.#spawn(step.inherits === 'the lock', step.ms);
      case 'die':
        return this.#die(step.how);
      default: {
        const { fn, registration } = this.#registered.at(-1 - step.back) ?? {};
        if (fn === undefined || !registration) return;
        if (step.do === 'cancel') {
          this.#say({ e: 'cancelling', fn });
          this.#say({ e: 'cancelled', fn, is: registration.cancel() });
        } else {
          this.#say({ e: 'running', fn });
          // Not awaited: a function that hangs must not keep the job from its end.
          this.#early.push(registration.run());
        }
      }
    }
  }

  #defer({ behaviour, ms }: Extract<Step, { do: 'defer' }>): void {
    const { log, forker } = this.#place;
    const job = this.#name;
    // In brackets it can be told from others' whose beginning it is.
    const fn = `<${job}.${this.#registered.length}>`;
    const call: Call = { log, forker, job, fn, behaviour, ms, owner: thisProcess };
    this.#say({ e: 'deferring', job, fn });
    const registration = this.#job.defer(DeferredFunction.of({ module: MODULE, export: 'run' }, call));
    this.#say({ e: 'deferred', job, fn });
    this.#registered.push({ fn, registration });
  }

  #spawn(inherits: boolean, ms: number): void {
    const descriptor = inherits ? [descriptorOf(this.#job.path)] : [];
    const child = spawn('sleep', [String(ms / 1000)], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', ...descriptor],
    });
    child.unref();
    if (inherits && child.pid !== undefined) this.#noteHolder(child.pid, [this.#name]);
  }

  /** The child has every lock of this process, those of other threads and of its sweeps as well. */
  #bareFork(ms: number): void {
    if (this.#place.forker === undefined) return;
    const pid = bareFork(this.#place.forker, ms);
    const jobs = [...openJobs];
    this.#noteHolder(pid, jobs);
    this.#say({ e: 'forked', pid, jobs });
  }

  #noteHolder(pid: number, jobs: readonly string[]): void {
    noteHolder(this.#place.log, thisProcess, { holder: nameProcess(pid), jobs });
  }

  #die(how: 'kill' | 'throw' | 'exit'): void {
    // `exit` and an error end the thread they happen in; what they do to a process begins with its threads.
    if (how === 'kill' || isMainThread) this.#say({ e: 'killing', pid: process.pid });
    else this.#say({ e: 'ending', thread: nameThread(thisProcess) });
    if (how === 'kill') process.kill(process.pid, 'SIGKILL');
    else if (how === 'exit') process.exit(7);
    else {
      queueMicrotask(() => {
        throw new Error('planned');
      });
    }
  }

  #say(event: Event): void {
    write(this.#place.log, thisProcess, event);
  }
}

/** The only descriptor of this process for the path: the one with the lock. */
function descriptorOf(path: string): number {
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) === path) return Number(name);
    } catch {
      // The descriptor of the listing itself.
    }
  }
  throw new Error(`no descriptor of ${path}`);
}
