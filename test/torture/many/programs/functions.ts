/** The deferred function: it writes what ran, by whom and when, and goes wrong as it was told. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { currentInvocation } from '#dist/index.js';
import { bareFork } from '../../../helpers/bare-fork.ts';
import { isAlive, type ProcessName, runsOneOf, thisProcess } from '../../../helpers/process-life.ts';
import { holdersOf } from '../holders.ts';
import { type Event, nameThread, write } from '../log.ts';
import type { Behaviour } from '../plan.ts';

/** So many times as long as a slow function takes, a child lives that a function forked. */
const FORKED_LONGER = 20;

/** What a function is registered with. */
export interface Call {
  readonly log: string;
  /** The addon of `bare-fork.ts`, where it can be had. */
  readonly forker: string | undefined;
  readonly job: string;
  readonly fn: string;
  readonly behaviour: Behaviour;
  readonly ms: number;
  readonly owner: ProcessName;
}

export async function run(call: Call): Promise<void> {
  const { log, job, fn, behaviour, ms } = call;
  const { orphaned, attempt } = currentInvocation()!;
  const say = (event: Event): void => write(log, thisProcess, event);
  const alive = orphaned
    ? holdersOf(log, call.owner, job)
        .filter(isAlive)
        .map(({ pid }) => pid)
    : [];
  say({ e: 'start', fn, job, orphaned, attempt, alive, parent: process.ppid });
  if (behaviour === 'slow') await sleep(ms);
  else if (behaviour === 'busy') spin(ms / 4);
  else if (behaviour === 'fail' || (behaviour === 'throw' && attempt === 1)) {
    say({ e: 'threw', fn, job });
    throw new Error(behaviour);
  } else if (attempt === 1) await goWrong(call, orphaned, say);
  say({ e: 'end', fn, job });
}

async function goWrong(call: Call, orphaned: boolean, say: (event: Event) => void): Promise<void> {
  const { behaviour, forker, ms } = call;
  switch (behaviour) {
    case 'exit':
      // In a worker thread it ends that alone.
      if (isMainThread) say({ e: 'killing', pid: process.pid });
      else say({ e: 'ending', thread: nameThread(thisProcess) });
      process.exit(0);
      break;
    case 'kill itself':
      say({ e: 'killing', pid: process.pid });
      process.kill(process.pid, 'SIGKILL');
      break;
    case 'kill its sweeper': {
      // In a runner only: elsewhere the parent is the test.
      const parent = process.ppid;
      if (!orphaned || !runsOneOf(import.meta.dirname, parent)) break;
      say({ e: 'killing', pid: parent });
      process.kill(parent, 'SIGKILL');
      break;
    }
    case 'stop itself': {
      const wake = spawn('sh', ['-c', `sleep 0.3; kill -CONT ${process.pid}`], {
        detached: true,
        stdio: 'ignore',
      });
      wake.unref();
      if (wake.pid !== undefined) process.kill(process.pid, 'SIGSTOP');
      break;
    }
    case 'fork':
      // Nobody's holder: who runs this again at once may be the sweeper that had the lock all the time, as the child has.
      if (forker !== undefined) bareFork(forker, ms * FORKED_LONGER);
      break;
    case 'hang':
      await new Promise(() => setInterval(() => {}, 1000));
      break;
    case 'loop':
      // At the end of its own job it would hang the worker for good.
      if (!orphaned || !process.argv[1]?.endsWith('/runner/main.js')) break;
      for (;;);
  }
}

function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
