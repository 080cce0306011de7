/**
 * Many processes at once, killed, stopped and continued at random, checked by what their functions wrote.
 * TORTURE_SEED repeats the plans: what every process does and when it is killed. When the kernel lets whom run, and so
 * how far a process has come when it is killed, is not repeated.
 */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { bareForkMissing, compileBareFork } from '../../helpers/bare-fork.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { timeFor } from '../budget.ts';
import { tortureSeed } from '../random.ts';
import { addRow } from '../table.ts';
import { Checker } from './checker.ts';
import { drive, sweepToTheEnd } from './driver.ts';
import type { Findings } from './findings.ts';
import type { Line } from './log.ts';
import { MissedClaims } from './missed.ts';

const WORKERS = 64;
const SWEEPERS = 8;
const MOST_MS = 10 * 60_000;
/** Of the time there is, for the last sweep and the checker. */
const RESERVE = 0.25;
const END_WITHIN_MS = 120_000;

test('64 workers and 8 sweepers, killed, stopped and continued at random: nothing is lost, duplicated, early or out of order', {
  skip: existsSync('/proc/self/stat') ? false : 'NOT TESTED: /proc tells who was alive when',
}, async t => {
  const seed = tortureSeed();
  // At once, not with the result: whoever interrupts it wants to know.
  process.stdout.write(`many: TORTURE_SEED=${seed}\n`);
  const root = freshDirectory(t);
  const [base, log] = [join(root, 'base'), join(root, 'log')];
  mkdirSync(base);
  writeFileSync(log, '');
  const forker = bareForkMissing === false ? compileBareFork(root) : undefined;
  if (bareForkMissing !== false) t.diagnostic(`${bareForkMissing}: nobody forks without exec`);
  const ms = Math.min(MOST_MS, timeFor('many') * (1 - RESERVE));
  const deeds = await drive({ base, log, forker, seed, workers: WORKERS, sweepers: SWEEPERS, ms });
  const isOver = await sweepToTheEnd(base, END_WITHIN_MS);

  const checker = new Checker();
  const claims = new MissedClaims();
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const read = JSON.parse(line) as Line;
    checker.read(read);
    claims.read(read);
  }
  checker.finish(lettersIn(join(base, 'deferred', 'dead')));
  const { findings, tally } = checker;
  t.diagnostic(
    `TORTURE_SEED=${seed}, ${Math.round(ms / 1000)} s: ${JSON.stringify({ ...deeds, ...tally, claims: claims.count })}`,
  );
  for (const [what, found] of Object.entries(findings) as [keyof Findings, string[]][]) {
    addRow({
      part: 'many',
      what: what.replace(/[A-Z]/g, ' $&').toLowerCase(),
      tried: tally.registered,
      found: found.length,
    });
  }
  const isWell = isOver && Object.values(findings).every(found => found.length === 0);
  if (!isWell) keep(log, seed);
  const worst = Object.entries(findings).map(([what, found]) => [what, found.length, found.slice(0, 5)]);
  assert.ok(isWell, `TORTURE_SEED=${seed}: ${JSON.stringify(worst, null, 1)}`);
  assert.deepEqual(filesIn(join(base, 'deferred')), [], 'files are left');
  assert.deepEqual(deeds.complaints, []);
  // A run in which nothing happened shows nothing.
  assert.ok(tally.orphaned > 100 && tally.own > 100 && deeds.kills > 10, JSON.stringify(tally));
  assert.ok(forker === undefined || tally.forked > 0, JSON.stringify(tally));
});

/** What the reader of a failure needs; the test's own directory is gone by then. */
function keep(log: string, seed: number): void {
  const path = join(process.cwd(), `torture-many-${seed}.log`);
  copyFileSync(log, path);
}

/** Whoever's letters they are: the function's name stands in its arguments. */
function lettersIn(directory: string): Set<string> {
  const letters = existsSync(directory) ? readdirSync(directory) : [];
  return new Set(
    letters.flatMap(name => readFileSync(join(directory, name), 'latin1').match(/<[\d.]+>/g) ?? []),
  );
}

function filesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter(name => name !== 'dead') : [];
}
