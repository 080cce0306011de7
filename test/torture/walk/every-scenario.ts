import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMakeUsers, makeAccount, removeAccount } from '../../helpers/accounts.ts';
import { notForOthers } from '../../helpers/other-user.ts';
import { straceMissing } from '../../helpers/strace.ts';
import { type Part, timeFor } from '../budget.ts';
import type { Lane } from './lane.ts';
import { type Point, pointsOf, relocate, untortured } from './points.ts';
import type { FoundScenario, Scenario } from './scenario.ts';
import { type Trial, type Walk, walk } from './walk.ts';

/** How all scenarios are walked in a part, or in one file of it. */
export interface Manner {
  readonly part: Part;
  /** Of the part's time. */
  readonly share: number;
  /** The promise, and what is done: before and after the scenario's name in the test's. */
  readonly title: readonly [promise: string, deed: string];
  /** The row of the table. */
  row(scenario: Scenario): string;
  how(scenario: Scenario): Omit<Walk, 'part' | 'row' | 'untilMs'>;
}

/** Makes a test of each scenario; each has its part of the time from now on, what one leaves is for those behind it. */
export function walkEvery(found: readonly FoundScenario[], { part, share, title, row, how }: Manner): void {
  const startMs = performance.now();
  for (const [index, one] of found.entries()) {
    const { scenario } = one;
    test(`${title[0]}: ${scenario.name}, ${title[1]}`, { skip: whyNot(scenario) }, async context => {
      if (scenario.user !== undefined) makeAccount(ACCOUNT, scenario.user);
      context.after(() => scenario.user !== undefined && removeAccount(ACCOUNT));
      await walk(context, one, {
        part,
        row: row(scenario),
        untilMs: startMs + (timeFor(part) * share * (index + 1)) / found.length,
        ...how(scenario),
      });
    });
  }
}

const ACCOUNT = 'dsweep-torture';

function whyNot({ user }: Scenario): string | false {
  return straceMissing || (user !== undefined && (cannotMakeUsers || notForOthers));
}

/** The points of a trace of all calls. @throws AssertionError when the scenario has shrunk, or makes calls of a new kind */
export function enoughPoints(scenario: Scenario, trace: readonly string[], lane: Lane): Point[] {
  assert.deepEqual(untortured(trace, lane.base), []);
  const points = pointsOf(trace, lane.base);
  assert.ok(points.length >= scenario.minimumPoints, `only ${points.length} points`);
  return points;
}

/** One injection for each point, and how they are injected. */
export interface Aim {
  readonly targets: readonly Point[];
  inject(targets: readonly Point[]): string[];
}

/** A trial that finds its calls again where a run has missed them. */
export function aimAt(what: string, aim: Aim, points: readonly Point[], lane: Pick<Lane, 'base'>): Trial {
  return {
    what,
    injections: aim.inject(aim.targets),
    again: trace => {
      const targets = aim.targets.map(target => relocate(target, points, trace, lane.base));
      return aimAt(what, { ...aim, targets }, points, lane);
    },
  };
}
