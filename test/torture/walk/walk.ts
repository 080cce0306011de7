/** Walks a scenario through everything that is to be done to it, several runs at a time, as long as there is time. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import type { TestContext } from 'node:test';
import type { Part } from '../budget.ts';
import { addRow } from '../table.ts';
import { Lane } from './lane.ts';
import { isInjected } from './points.ts';
import { type Outcome, sweepUp } from './promises.ts';
import { type Ended, run, type Torture } from './run.ts';
import type { FoundScenario } from './scenario.ts';

/** Runs side by side: each waits for processes and the disk part of its time. */
const LANES = availableParallelism() + 1;
/** Of one trial, until its call is hit. */
const MOST_RUNS = 4;
/** A promise that is broken is broken at many points. */
const MOST_SHOWN = 50;
const MOST_CHARACTERS = 700;
/** One trial alone, by its name in the message of a failure: `write 3 fails with EIO`. */
const ONLY = process.env.TORTURE_TRIAL;

export interface Trial extends Torture {
  /** In words: `write 3 fails with EIO`. */
  readonly what: string;
  /** The same for a run in which the call is elsewhere, by one that has missed it. */
  again?(trace: readonly string[]): Trial;
}

export interface Walk {
  readonly part: Part;
  readonly row: string;
  /** No further trial is begun after this, in `performance.now()`. */
  readonly untilMs: number;
  /** What to do to the program, by its trace undisturbed. */
  trials(trace: readonly string[], lane: Lane): Trial[];
  /** Whether a trial did what it should have: counts differ a little between runs. */
  hasHit(ended: Ended, lane: Lane): boolean;
  /** What the run broke, a line for each. */
  judge(outcome: Outcome): string[];
}

/** @throws AssertionError that names each trial that broke a promise, and how; or that too many did not hit */
export async function walk(context: TestContext, found: FoundScenario, how: Walk): Promise<void> {
  // What a user's process is, its user alone tells.
  const laneCount = found.scenario.user === undefined ? LANES : 1;
  const lanes = Array.from({ length: laneCount }, () => new Lane(found));
  const broken: string[] = [];
  try {
    await Promise.all(lanes.map(lane => lane.prepare()));
    const undisturbed = await Promise.all(
      lanes.map(async lane => {
        const ended = await run(lane, {});
        broken.push(...(await judged(lane, ended, how, 'undisturbed')));
        return { lane, trace: ended.trace };
      }),
    );
    // The shortest: one that lost a race to a sweeper made calls that most others do not.
    const shortest = undisturbed.sort((a, b) => a.trace.length - b.trace.length)[0]!;
    const trials = how
      .trials(shortest.trace, shortest.lane)
      .filter(({ what }) => ONLY === undefined || what === ONLY);
    const queue = spread(trials);
    let slowest = { ms: 0, what: 'none' };
    let tried = 0;
    const missed: string[] = [];
    await Promise.all(
      lanes.map(async lane => {
        for (
          let trial = queue.shift();
          trial;
          trial = performance.now() < how.untilMs ? queue.shift() : undefined
        ) {
          const startMs = performance.now();
          const ended = await runUntilHit(lane, trial, how);
          const ms = performance.now() - startMs;
          if (ms > slowest.ms) slowest = { ms, what: `${trial.what}: ${ended?.trace.find(isInjected)}` };
          if (ended === undefined) missed.push(trial.what);
          else tried++;
          if (ended) broken.push(...(await judged(lane, ended, how, trial.what)));
        }
      }),
    );
    if (missed.length > tried / 5 + 1)
      broken.push(`${missed.length} trials missed their call, ${tried} did not`);
    addRow({ part: how.part, what: how.row, tried: tried, of: trials.length, found: broken.length });
    context.diagnostic(`${tried} of ${trials.length} tried, ${missed.length} missed their call`);
    for (const what of missed) context.diagnostic(`missed: ${what}`);
    context.diagnostic(`the slowest took ${Math.round(slowest.ms)} ms: ${slowest.what}`);
  } finally {
    for (const lane of lanes) lane.remove();
  }
  const shown = broken
    .slice(0, MOST_SHOWN)
    .map(line => line.replaceAll('\n', ' | ').slice(0, MOST_CHARACTERS));
  assert.equal(broken.length, 0, `${broken.length} promises broken:\n${shown.join('\n')}`);
}

/**
 * Undefined where the call was not hit. What was hit instead is Node's own, an eventfd(2) for one, without which it ends
 * itself; how many of those come before differs between runs.
 */
async function runUntilHit(lane: Lane, trial: Trial, how: Walk): Promise<Ended | undefined> {
  let next = trial;
  for (let number = 0; number < MOST_RUNS; number++) {
    const ended = await run(lane, next);
    if (how.hasHit(ended, lane)) return ended;
    next = next.again?.(ended.trace) ?? next;
  }
  return undefined;
}

async function judged(lane: Lane, ended: Ended, how: Walk, what: string): Promise<string[]> {
  const outcome = await sweepUp(lane, ended);
  return how.judge(outcome).map(breach => `${lane.scenario.name}, ${what}: ${breach}`);
}

/** All of them, in an order whose beginning is spread over all: steps of the golden section. */
function spread<T>(items: readonly T[]): T[] {
  const { length } = items;
  let step = Math.max(1, Math.round(length * 0.618));
  while (greatestDivisor(step, length) > 1) step++;
  return items.map((_item, index) => items[(index * step) % length] as T);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
