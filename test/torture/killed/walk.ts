/** Walks a scenario through all its kill points and checks the promises after each: `docs/guarantees.md`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeFor } from '../budget.ts';
import { addRow } from '../table.ts';
import { type KillPoint, killPoints, runKilled } from './kill-points.ts';

/** One program to be killed at every step; a scenario is one small file. */
export interface Scenario {
  readonly name: string;
  /** Made before the program runs: what it works on. */
  prepare?(base: string): void;
  /** The program, without Node itself. */
  argv(base: string): readonly string[];
  /** A path the program touches first when it comes to the point. */
  from(base: string): string;
  readonly everyThread: boolean;
  /** Fewer points than this mean that the test has shrunk. */
  readonly minimumPoints: number;
  /** Names of functions that end among the dead letters. */
  readonly failing: readonly string[];
}

export const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** Returns how many points were tried. @throws AssertionError naming the point and what was broken */
export function walk(scenario: Scenario, share: number): number {
  const until = performance.now() + timeFor('killed') * share;
  const points = inFreshBase(scenario, base => {
    const argv = [process.execPath, ...scenario.argv(base)];
    return killPoints(argv, scenario.from(base), join(base, 'trace'), scenario.everyThread);
  });
  assert.ok(points.length >= scenario.minimumPoints, `${scenario.name}: only ${points.length} points`);
  let tried = 0;
  for (const point of spread(points)) {
    if (performance.now() > until) break;
    inFreshBase(scenario, base => tryPoint(scenario, base, point));
    tried++;
  }
  addRow({ part: 'killed', what: scenario.name, tried, of: points.length, found: 0 });
  return tried;
}

/** All of them, but such that the first few are spread over all: every 8th, then those half-way between, and so on. */
function spread<T>(points: readonly T[]): T[] {
  const order: T[] = [];
  for (let step = 8, seen = new Set<number>(); step >= 1; step /= 2) {
    for (let index = 0; index < points.length; index += step) {
      if (!seen.has(index)) order.push(points[index] as T);
      seen.add(index);
    }
  }
  return order;
}

function tryPoint(scenario: Scenario, base: string, point: KillPoint): void {
  const where = `${scenario.name}, killed at ${point.call} ${point.occurrence}`;
  runKilled([process.execPath, ...scenario.argv(base)], point);
  sweepUntilNobodyLives(base, where);
  const ran = lines(join(base, 'ledger'));
  const told = lines(join(base, 'told'));
  const times = (name: string): number => ran.filter(line => line === name).length;
  const repeated = [...new Set(ran)].filter(name => times(name) > 1);
  assert.ok(repeated.length <= 1, `${where}: more than the one in progress ran twice: ${repeated}`);
  assert.ok(
    repeated.every(name => times(name) === 2),
    `${where}: ${repeated} ran more than twice`,
  );
  for (const name of told.filter(line => line.startsWith('deferred ')).map(line => line.slice(9))) {
    const isCancelled = told.includes(`cancelled ${name}`);
    if (isCancelled) assert.equal(times(name), 0, `${where}: ${name} ran although it was cancelled`);
    else if (!told.includes(`cancelling ${name}`)) assert.ok(times(name) > 0, `${where}: ${name} is lost`);
  }
  const left = existsSync(join(base, 'deferred'))
    ? readdirSync(join(base, 'deferred'), { recursive: true })
    : [];
  const files = left.filter(name => name !== 'dead' && !String(name).startsWith('dead/'));
  assert.deepEqual(files, [], `${where}: files are left`);
  const letters = left.filter(name => String(name).startsWith('dead/'));
  assert.equal(letters.length, scenario.failing.length, `${where}: dead letters ${letters}`);
}

/** A child of a killed sweeper may still hold a lock; it ends after the function it is in. */
function sweepUntilNobodyLives(base: string, where: string): void {
  for (let round = 0; round < 200; round++) {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [CLI, 'cleanup', '--json', '--isolation', 'none', base],
      {
        encoding: 'utf8',
      },
    );
    assert.ok(stdout !== '', `${where}: no report, ${stderr}`);
    const report = JSON.parse(stdout) as { live: number; pending: number };
    if (report.live === 0 && report.pending === 0) return;
  }
  assert.fail(`${where}: something holds on to a lock`);
}

function inFreshBase<T>(scenario: Scenario, body: (base: string) => T): T {
  const base = mkdtempSync(join(tmpdir(), 'torture-'));
  try {
    scenario.prepare?.(base);
    return body(base);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function lines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}
