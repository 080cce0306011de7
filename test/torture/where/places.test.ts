/**
 * The laws of `laws.ts` on every file system that can be made here. Then, while there is time, the other suites of this
 * repository with their temporary directories on each of them.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { timeFor } from '../budget.ts';
import { addRow } from '../table.ts';
import { LAWS } from './laws.ts';
import { Mounts, NotHere, testHere } from './mounts.ts';
import { PLACES, type Place } from './places.ts';

/** The other files of this part want their time, too. */
const OWN_SHARE = 0.7;
const endsAtMs = performance.now() + timeFor('where') * OWN_SHARE;

const suites = join(import.meta.dirname, '../..');
/** First the lock itself, then what is built on it. */
const FILES = ['native', 'lock', 'log', 'trust', 'state', 'attempt', 'runner', 'sweep', 'job', 'cli'].flatMap(
  folder =>
    readdirSync(join(suites, folder))
      .filter(name => name.endsWith('.test.js'))
      .sort((a, b) => Number(b === 'truth-table.test.js') - Number(a === 'truth-table.test.js'))
      .map(name => `${folder}/${name}`),
);

for (const place of PLACES) {
  testHere(`on ${place.name}`, async (t, mounts) => {
    const directory = place.setUp(mounts);
    if (place.user !== undefined) {
      await passes('torture/where/laws-program.js', directory, place.user);
      addRow({ part: 'where', what: place.name, tried: Object.keys(LAWS).length, found: 0 });
      return;
    }
    process.env.TMPDIR = directory;
    t.after(() => delete process.env.TMPDIR);
    for (const [title, law] of Object.entries(LAWS)) await t.test(title, law);
    addRow({ part: 'where', what: place.name, tried: Object.keys(LAWS).length, found: 0 });
  });
}

test('the other suites, on every place', async t => {
  const places = PLACES.map(place => ({ place, directory: setUp(place, t), tried: 0 }));
  const there = places.filter(({ directory }) => directory !== undefined);
  for (const name of FILES) {
    for (const at of there) {
      if (performance.now() > endsAtMs || at.place.unfit?.includes(name)) continue;
      await t.test(`${name} on ${at.place.name}`, () => passes(name, at.directory!, at.place.user));
      at.tried++;
    }
  }
  if (there.every(({ tried }) => tried === 0)) t.skip('NOT TESTED: no time left for them');
  for (const { place, tried } of there) {
    const of = FILES.length - (place.unfit?.length ?? 0);
    addRow({ part: 'where', what: `${place.name}: other test files`, tried, of, found: 0 });
  }
});

/** A directory there; undefined, loudly, if there is no such place here. */
function setUp(place: Place, t: TestContext): string | undefined {
  try {
    const mounts = new Mounts(t);
    const directory = place.setUp(mounts);
    if (place.user === undefined) mounts.openTo(directory);
    return directory;
  } catch (error) {
    if (!(error instanceof NotHere)) throw error;
    t.diagnostic(`${place.name}: ${error.message}`);
    return undefined;
  }
}

async function passes(name: string, directory: string, uid?: number): Promise<void> {
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', join(suites, name)], {
    env: { ...process.env, TMPDIR: directory, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => (output += text));
  }
  const [status] = await once(child, 'close');
  assert.equal(status, 0, output);
}
