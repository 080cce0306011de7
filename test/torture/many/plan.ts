/** What every process of the torture does and when it is killed or stopped: all of it from the seed and its number. */
import type { ManagerOptions, SweepOptions } from '#dist/index.js';
import { type Random, randomOf } from '../random.ts';

/** How a deferred function behaves. What goes wrong does so in the first attempt; `fail` in every one. */
export type Behaviour =
  | 'quick'
  | 'slow'
  | 'busy'
  | 'throw'
  | 'fail'
  | 'exit'
  | 'kill itself'
  | 'kill its sweeper'
  | 'stop itself'
  | 'fork'
  | 'hang'
  | 'loop';

export type Step =
  | { readonly do: 'defer'; readonly behaviour: Behaviour; readonly ms: number }
  /** `back`: so many registrations ago. */
  | { readonly do: 'cancel' | 'run'; readonly back: number }
  | { readonly do: 'pause'; readonly ms: number }
  /** A child that lives on: it inherits nothing, or the descriptor with the lock, or without exec every descriptor. */
  | { readonly do: 'fork'; readonly inherits: 'nothing' | 'the lock' | 'everything'; readonly ms: number }
  | { readonly do: 'die'; readonly how: 'kill' | 'throw' | 'exit' };

export interface JobPlan {
  readonly steps: readonly Step[];
  /** Left open: an orphan's when the process ends. */
  readonly isAbandoned: boolean;
}

export interface ManagerPlan {
  readonly options: Pick<
    ManagerOptions,
    'order' | 'delivery' | 'timeoutMs' | 'maxAttempts' | 'retryDelayMs' | 'killGraceMs'
  >;
  readonly jobs: readonly JobPlan[];
}

/** What one thread does: its managers side by side, the jobs of each one after the other. */
export interface ThreadPlan {
  readonly managers: readonly ManagerPlan[];
  /** Worker threads only. */
  readonly terminateAfterMs?: number;
}

/** What is done to a process from outside, in ms since its start. */
export interface Fate {
  readonly stops: readonly { readonly afterMs: number; readonly forMs: number }[];
  readonly killAfterMs: number;
}

export interface WorkerPlan extends Fate {
  readonly number: number;
  readonly main: ThreadPlan;
  readonly threads: readonly ThreadPlan[];
}

export interface SweeperPlan extends Fate {
  readonly number: number;
  readonly sweeps: readonly {
    readonly verb: 'sweep' | 'cleanup';
    readonly options: Pick<SweepOptions, 'concurrency' | 'waitMs' | 'killGraceMs'>;
    /** Aborts it; 0 is never. */
    readonly abortAfterMs: number;
    readonly pauseMs: number;
  }[];
}

const KILL_GRACE_MS = 300;
/** A limit that functions that hang run into, and on a loaded machine no other. */
const SHORT_LIMIT_MS = 6000;
/** More than anything is interrupted. */
const MANY_ATTEMPTS = 1000;

export function planWorker(seed: number, number: number): WorkerPlan {
  const random = randomOf(seed, 1, number);
  const threads = random.weighted({ none: 5, one: 3, two: 1 });
  return {
    number,
    main: planThread(random),
    threads: Array.from({ length: { none: 0, one: 1, two: 2 }[threads] }, () => ({
      ...planThread(random),
      ...(random.chance(0.5) && { terminateAfterMs: random.whole(100, 6000) }),
    })),
    ...planFate(random),
  };
}

export function planSweeper(seed: number, number: number): SweeperPlan {
  const random = randomOf(seed, 2, number);
  return {
    number,
    sweeps: Array.from({ length: 500 }, () => ({
      verb: random.chance(0.7) ? 'sweep' : 'cleanup',
      options: {
        concurrency: random.chance(0.6) ? 1 : random.whole(2, 3),
        waitMs: random.chance(0.2) ? random.whole(1, 2000) : 0,
        killGraceMs: KILL_GRACE_MS,
      },
      abortAfterMs: random.chance(0.2) ? random.whole(1, 200) : 0,
      pauseMs: random.whole(0, 200),
    })),
    ...planFate(random),
  };
}

function planFate(random: Random): Fate {
  return {
    stops: random.chance(0.3) ? [{ afterMs: random.whole(100, 8000), forMs: random.whole(10, 1500) }] : [],
    // Many die young, while they set up; most live long enough to do something: it is starting that costs.
    killAfterMs: random.chance(0.25) ? random.whole(100, 4000) : random.whole(4000, 60_000),
  };
}

function planThread(random: Random): ThreadPlan {
  return { managers: Array.from({ length: random.whole(1, 3) }, () => planManager(random)) };
}

function planManager(random: Random): ManagerPlan {
  const kind = random.weighted({ ordinary: 70, 'at most once': 20, failing: 5, hanging: 4 });
  const options: ManagerPlan['options'] = {
    order: random.chance(0.5) ? 'fifo' : 'lifo',
    delivery: kind === 'at most once' ? 'at-most-once' : 'at-least-once',
    timeoutMs: kind === 'hanging' ? SHORT_LIMIT_MS : 0,
    maxAttempts: kind === 'failing' ? 2 : MANY_ATTEMPTS,
    retryDelayMs: random.chance(0.5) ? 0 : random.whole(1, 500),
    killGraceMs: KILL_GRACE_MS,
  };
  const jobs = kind === 'hanging' ? random.whole(1, 2) : random.whole(20, 200);
  return {
    options,
    jobs: Array.from({ length: jobs }, () => planJob(random, kind === 'failing', kind === 'hanging')),
  };
}

function planJob(random: Random, isFailing: boolean, isHanging: boolean): JobPlan {
  const steps: Step[] = [];
  if (random.chance(0.04)) {
    const inherits = random.pick(['nothing', 'the lock'] as const);
    steps.push({ do: 'fork', inherits, ms: random.whole(50, 3000) });
  }
  const defers = random.chance(0.05) ? 0 : random.whole(1, 12);
  for (let count = 0; count < defers; count++) {
    const behaviour = planBehaviour(random, isFailing, isHanging);
    steps.push({ do: 'defer', behaviour, ms: random.whole(1, 30) });
    if (random.chance(0.1)) steps.push({ do: 'cancel', back: random.whole(0, 2) });
    if (random.chance(0.03)) steps.push({ do: 'run', back: random.whole(0, 2) });
    if (random.chance(0.3)) steps.push({ do: 'pause', ms: random.whole(0, 120) });
    if (random.chance(0.012)) {
      steps.push({ do: 'fork', inherits: 'everything', ms: random.whole(50, 3000) });
    }
    if (random.chance(0.0008)) steps.push({ do: 'die', how: random.pick(['kill', 'kill', 'throw', 'exit']) });
  }
  steps.push({ do: 'pause', ms: random.whole(0, 400) });
  return { steps, isAbandoned: random.chance(0.05) };
}

function planBehaviour(random: Random, isFailing: boolean, isHanging: boolean): Behaviour {
  if (isFailing && random.chance(0.3)) return 'fail';
  if (isHanging && random.chance(0.1)) return random.pick(['hang', 'loop']);
  return random.weighted({
    quick: 769,
    slow: 130,
    busy: 60,
    throw: 30,
    exit: 0.5,
    'kill itself': 2,
    'kill its sweeper': 6,
    'stop itself': 1,
    fork: 2,
    hang: 0,
    loop: 0,
    fail: 0,
  });
}
