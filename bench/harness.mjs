/**
 * How every question is measured: all candidates by turns in one run, warmed up, best and median. A slow moment of the
 * machine then hits all alike, and the ratio to the floor holds where the times do not.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILD = join(ROOT, 'bench/build');
const WARM_UPS = 3;
/** No further round begins after this, so that a slow machine has fewer instead of none. */
const ENOUGH_MS = 30_000;

/** Where it is measured. The disk is the one that the checkout is on. */
export const PLACES = { tmpfs: '/dev/shm', disk: BUILD };

/** The module of functions that are deferred. */
export const FUNCTIONS = new URL('programs/functions.mjs', import.meta.url).href;

const made = [];
process.on('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

/** A question's measurement. */
export class Run {
  /** One row for each candidate at each size. */
  rows = [];
  /** name → exports of the builds that are measured: of this checkout, and of those it is compared with. */
  builds;
  isBrief;
  isFull;
  #unit;
  #mostRounds;

  /** @param options `against`: other checkouts; `isBrief`; `isFull`; `rounds`: the most */
  static async start({ against = [], isBrief = false, isFull = false, rounds }, unit) {
    const run = new Run();
    Object.assign(run, { isBrief, isFull });
    run.#unit = unit;
    run.#mostRounds = rounds ?? (isBrief ? 2 : Number.POSITIVE_INFINITY);
    run.builds = [];
    for (const directory of [ROOT, ...against]) {
      const api = await import(pathToFileURL(join(directory, 'dist/index.js')));
      run.builds.push({ name: directory === ROOT ? 'deferred-sweep' : directory, directory, api });
    }
    return run;
  }

  /** A fresh directory on a place, removed when the process ends. */
  fresh(place = 'tmpfs') {
    mkdirSync(PLACES[place], { recursive: true });
    const directory = mkdtempSync(join(PLACES[place], 'deferred-sweep-bench-'));
    made.push(directory);
    return directory;
  }

  /** What the kernel alone takes: nanoseconds that `floor.c` prints. */
  floor(what, directory, count, size = 0) {
    return Number(execFileSync(join(BUILD, 'floor'), [what, directory, `${count}`, `${size}`]));
  }

  /** The larger number, or the one of a brief run. */
  count(whole, brief) {
    return this.isBrief ? brief : whole;
  }

  /**
   * Lets each candidate measure by turns, and keeps best and median of each.
   * @param candidates name → a function that returns what it measured, in the unit of the question
   * @param options `size`: what the rows belong to, a number or a name
   */
  async byTurns(candidates, { rounds = 15, warmUps = WARM_UPS, size } = {}) {
    const wanted = Math.min(rounds, this.#mostRounds);
    const values = new Map(Object.keys(candidates).map(who => [who, []]));
    const startMs = performance.now();
    for (let round = this.isBrief ? -1 : -Math.min(warmUps, wanted); round < wanted; round++) {
      if (round > 0 && performance.now() - startMs > ENOUGH_MS) break;
      // Otherwise it would not hear that the command has ended.
      await setImmediate();
      const inOrder = Object.entries(candidates);
      for (const [who, measure] of round % 2 === 0 ? inOrder : inOrder.reverse()) {
        // What one leaves is not another's to collect. A whole collection would also throw compiled code away.
        globalThis.gc?.({ type: 'minor' });
        const value = await measure();
        if (round >= 0) values.get(who).push(value);
      }
    }
    for (const [who, all] of values) this.add(who, all, size);
  }

  /** Keeps and prints a row. */
  add(who, values, size, more = {}) {
    const sorted = [...values].sort((a, b) => a - b);
    const row = { who, best: rounded(sorted[0]), median: rounded(sorted[sorted.length >> 1]), ...more };
    if (size !== undefined) row.size = size;
    this.rows.push({ ...row, rounds: sorted.length });
    const what = size === undefined ? who : `${who}, ${size}`;
    const figures = [row.best, row.median].map(value => `${value}`.padStart(10)).join(' ');
    console.log(`  ${what.padEnd(44)} ${figures} ${row.unit ?? this.#unit}`);
  }
}

function rounded(value) {
  return Number(value.toPrecision(4));
}

/** Microseconds of one of `count` calls. */
export function timed(count, body) {
  const start = performance.now();
  for (let i = 0; i < count; i++) body(i);
  return ((performance.now() - start) * 1000) / count;
}

/** Milliseconds until it has resolved. */
export async function timedOnce(body) {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/** Milliseconds that a process takes, from before it is started until it is heard to have ended. */
export function timedProcess(program, argv, options = {}) {
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, argv, { encoding: 'utf8', ...options });
  const ms = performance.now() - start;
  if (status !== 0) throw error ?? new Error(`${program} ${argv.join(' ')}: ${status}: ${stderr}`);
  return { ms, stdout };
}

/** Milliseconds of `node -e 0`. */
export function bareNode(node = process.execPath) {
  return timedProcess(node, ['-e', '0']).ms;
}

/** The path of a program of the benchmarks. */
export function programOf(name) {
  return fileURLToPath(new URL(`programs/${name}`, import.meta.url));
}
