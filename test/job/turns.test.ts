/**
 * What callers do with a job in any order and at any turn of the event loop: no call fails, and nobody dies, so everything
 * registered runs, or is left as the report says.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import {
  currentInvocation,
  DeferredFunction,
  DeferredFunctionManager,
  type Job,
  type ManagerOptions,
  type Registration,
  type SweepReport,
} from '#dist/index.js';
import { trials } from '../helpers/size.ts';
import { sweepHere } from '../helpers/sweep-here.ts';
import { freshPlace, type Place } from '../helpers/worker.ts';
import { enter, type World } from '../helpers/world.ts';

const MODULE = import.meta.resolve('../helpers/world.js');

/** Turns of the event loop, and of the queue of microtasks, to let pass. */
type Turns = readonly ('task' | 'microtask')[];

type Deed = 'cancel' | 'run' | 'close' | 'remove';

interface FunctionPlan {
  readonly turns: Turns;
  /** So many attempts fail. */
  readonly failures: number;
  /** What it does to a function of the job, half-way. */
  readonly deed: Step | undefined;
}

interface Step {
  readonly turns: Turns;
  readonly do: Deed | { readonly defer: FunctionPlan };
  /** Which function to cancel or run, of those there are. */
  readonly which: number;
}

const turns: fc.Arbitrary<Turns> = fc.array(fc.constantFrom('task', 'microtask'), { maxLength: 6 });
const deed = fc.constantFrom<Deed>('cancel', 'cancel', 'run', 'run', 'run', 'close', 'remove');
const { step } = fc.letrec<{ step: Step; plan: FunctionPlan }>(tie => ({
  plan: fc.record({
    turns,
    failures: fc.constantFrom(0, 0, 0, 1, 2, 9),
    deed: fc.option(tie('step'), { nil: undefined, depthSize: 'small' }),
  }),
  step: fc.record({
    turns,
    do: fc.oneof({ depthSize: 'small', withCrossShrink: true }, deed, fc.record({ defer: tie('plan') })),
    which: fc.nat(5),
  }),
}));
const program = fc.record({
  options: fc.record<Pick<ManagerOptions, 'order' | 'delivery' | 'maxAttempts'>>({
    order: fc.constantFrom('fifo', 'lifo'),
    delivery: fc.constantFrom('at-least-once', 'at-least-once', 'at-most-once'),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
  }),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
});

interface Known {
  readonly plan: FunctionPlan;
  registration: Registration | undefined;
  isCancelled: boolean;
  isRunning: boolean;
  isDone: boolean;
  /** Somebody wanted it run ahead of the end. */
  isEarly: boolean;
  attempts: number;
}

async function pass(wait: Turns): Promise<void> {
  for (const turn of wait) await (turn === 'task' ? setImmediate() : null);
}

/** One job and its functions, and what must be true of them. */
class Life implements World {
  readonly known: Known[] = [];
  readonly #job: Job;
  readonly #maxAttempts: number;
  readonly #early: Promise<unknown>[] = [];
  /** Ids of those that the report of the job must have. */
  readonly #begunAtEnd = new Set<number>();
  readonly breaches: string[] = [];
  #isClosing = false;
  hasEnded = false;

  constructor(job: Job, { delivery, maxAttempts }: Pick<ManagerOptions, 'delivery' | 'maxAttempts'>) {
    this.#job = job;
    this.#maxAttempts = delivery === 'at-most-once' ? 1 : maxAttempts!;
  }

  async run(index: number): Promise<void> {
    const fn = this.known[index]!;
    // Thrown here it would be a failure of the function, which is tried again.
    const expect = (isTrue: boolean, what: string): void => {
      if (!isTrue) this.breaches.push(`function ${index} begins ${what}`);
    };
    expect(fn.registration !== undefined, 'that was refused');
    expect(!fn.isCancelled, 'that was cancelled');
    expect(!fn.isRunning, 'that is running');
    expect(!fn.isDone, 'that is done');
    expect(fn.attempts < this.#maxAttempts, `for the ${fn.attempts + 1}. time of ${this.#maxAttempts}`);
    expect(currentInvocation()?.orphaned === this.hasEnded, 'as the wrong one');
    if (this.#isClosing && !fn.isEarly) this.#begunAtEnd.add(fn.registration!.id);
    fn.attempts++;
    fn.isRunning = true;
    await pass(fn.plan.turns);
    if (fn.plan.deed && !this.hasEnded) await this.take(fn.plan.deed);
    fn.isRunning = false;
    if (fn.attempts <= fn.plan.failures) throw new Error('planned');
    fn.isDone = true;
  }

  async take({ turns: wait, do: what, which }: Step): Promise<void> {
    await pass(wait);
    if (typeof what === 'object') {
      this.#defer(what.defer);
      return;
    }
    const fn = this.known[which];
    if (what === 'close') void this.#close();
    else if (what === 'remove') this.#remove();
    else if (what === 'cancel') {
      const wasRunning = fn?.isRunning;
      const isCancelled = unlessClosed(() => fn?.registration?.cancel()) ?? false;
      if (!isCancelled) return;
      assert.deepEqual([wasRunning, fn!.isDone, fn!.isCancelled], [false, false, false]);
      assert.ok(fn!.attempts < this.#maxAttempts, 'cancelled what would not run again');
      fn!.isCancelled = true;
    } else if (fn?.registration) {
      fn.isEarly = true;
      this.#early.push(fn.registration.run().catch(onlyClosed));
    }
  }

  /** While the job is open: afterwards nobody is left to notice. */
  #remove(): void {
    const refused = (error: unknown): true => {
      if ((error as { code?: string }).code !== 'DEFERRED_CLOSED') rmSync(this.#job.path, { force: true });
      return true;
    };
    assert.throws(() => this.#job.defer(undefined as never), refused);
  }

  #defer(plan: FunctionPlan): void {
    const index = this.known.length;
    const fn: Known = {
      ...{
        plan,
        registration: undefined,
        isCancelled: false,
        isRunning: false,
        isDone: false,
        isEarly: false,
        attempts: 0,
      },
    };
    this.known.push(fn);
    fn.registration = unlessClosed(() =>
      this.#job.defer(DeferredFunction.of({ module: MODULE, export: 'run' }, index)),
    );
  }

  /** Functions that were registered and not cancelled, and have not done what they should. */
  undone(): Known[] {
    return this.known.filter(fn => fn.registration && !fn.isCancelled && !fn.isDone);
  }

  #close(): Promise<SweepReport> {
    this.#isClosing = true;
    return this.#job.close();
  }

  async end(): Promise<void> {
    const report = await this.#close();
    this.hasEnded = true;
    await Promise.all(this.#early);
    assert.ok(this.known.every(fn => !fn.isRunning));
    const left = this.undone();
    assert.ok(left.every(fn => fn.attempts > 0));
    const isPending = (fn: Known): boolean => fn.attempts < this.#maxAttempts;
    const [own] = report.files;
    assert.deepEqual([report.pending, own?.error], [left.filter(isPending).length, undefined]);
    const told = new Map(own!.functions.map(({ id, outcome }) => [id, outcome]));
    for (const id of this.#begunAtEnd) assert.ok(told.has(id), `nothing is told of ${id}`);
    for (const fn of this.known.filter(({ isDone }) => isDone))
      assert.ok([undefined, 'ok'].includes(told.get(fn.registration!.id)));
  }
}

function onlyClosed(error: unknown): undefined {
  assert.equal((error as { code?: string }).code, 'DEFERRED_CLOSED');
}

function unlessClosed<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    return onlyClosed(error);
  }
}

/** Attempts of a function, and one round more. */
const MOST_ATTEMPTS = 4;

async function live(
  place: Place,
  { options, steps }: typeof program extends fc.Arbitrary<infer P> ? P : never,
) {
  const quiet = { logger: null, timeoutMs: 0, retryDelayMs: 0 } as const;
  const base = mkdtempSync(join(place.root, 'life-'));
  const directory = join(base, 'deferred');
  const manager = new DeferredFunctionManager(base, { ...options, ...quiet });
  const life = new Life(await manager.open(), options);
  enter(life);
  for (const taken of steps) await life.take(taken);
  await life.end();
  await manager.close();
  const undone = life.undone().length;
  // In this process: the functions tell of themselves here.
  for (let round = 0; round < MOST_ATTEMPTS; round++) await sweepHere(base);
  const dead = join(directory, 'dead');
  const letters = existsSync(dead) ? readdirSync(dead) : [];
  assert.deepEqual(life.breaches, []);
  // Each of them ran to its end after all, or used up its attempts.
  assert.ok(life.undone().length <= undone);
  assert.equal(letters.length, life.undone().length);
  assert.deepEqual(existsSync(directory) ? readdirSync(directory) : [], letters.length > 0 ? ['dead'] : []);
}

test('whenever callers defer, cancel, run, remove and close: nothing is lost, run twice at once, or run though cancelled', async (t: TestContext) => {
  const place = freshPlace(t);
  t.after(() => enter(undefined));
  await fc.assert(
    fc.asyncProperty(program, planned => live(place, planned)),
    { numRuns: trials(500) },
  );
});
