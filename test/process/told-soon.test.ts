/** What a runner says of short functions comes a moment later, and changes nothing in what its sweeper does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { EVENT_FD } from '#dist/runner/protocol.js';
import { encode } from '#dist/value/codec.js';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';

/** The kinds and ids that an event pipe writes while this body runs, and what the body writes beside it. */
function written(body: string): string[] {
  const script = `
    import { writeSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    import { EventPipe } from ${JSON.stringify(import.meta.resolve('#dist/runner/event-pipe.js'))};
    const pipe = new EventPipe();
    const begin = (id, timeoutMs) =>
      pipe.begin({ kind: 'start', file: 'f', id, name: 'n', attempt: 1, timeoutMs, isLast: false });
    const hold = id => pipe.hold({ kind: 'ran', file: 'f', report: { id, name: 'n', outcome: 'ok', attempt: 1, ms: 0 } });
    const mark = text => writeSync(${EVENT_FD}, '\\n' + JSON.stringify({ kind: text }) + '\\n');
    ${body}`;
  const { output, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return output[EVENT_FD]!.split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as { kind: string; id?: number; report?: { id: number } })
    .map(({ kind, id, report }) => `${kind}${id ?? report?.id ?? ''}`);
}

test('a beginning is said at once unless the sweeper keeps the same time already', () => {
  const lines = written(`
    begin(1, 60_000), mark('first');
    hold(1), begin(2, 50_000), mark('other-limit');
    hold(2), pipe.flush(), begin(3, 50_000), mark('end-was-said');
    hold(3), begin(4, 0), mark('no-limit');
    process.exit();`);
  const first = ['start1', 'first'];
  const otherLimit = ['ran1', 'start2', 'other-limit'];
  const endWasSaid = ['ran2', 'start3', 'end-was-said'];
  assert.deepEqual(lines, [...first, ...otherLimit, ...endWasSaid, 'ran3', 'start4', 'no-limit']);
});

test('what is held is said with the next event, or when there is none', () => {
  // A busy machine may take longer between two events than anything is held.
  const lines = written(`
    begin(0, 7), mark('first');
    for (let id = 1; id <= 1000; id++) hold(id - 1), begin(id, 7), mark('next');
    hold(1000), mark('last');
    await setTimeout(1000);
    mark('quiet');`);
  const events = lines.filter(line => line !== 'next');
  const all = Array.from({ length: 1000 }, (_, id) => [`ran${id}`, `start${id + 1}`]).flat();
  assert.deepEqual(
    events.filter(line => /\d/.test(line)),
    ['start0', ...all, 'ran1000'],
  );
  assert.equal(lines.at(-1), 'quiet');
  assert.ok(
    lines.some((line, index) => line === 'next' && lines[index + 1] === 'next'),
    'nothing was held',
  );
});

test('a sweeper ends an endless function whose beginning it has not heard of', async t => {
  const { base, put } = stateBase(t);
  const module = `data:text/javascript,${encodeURIComponent(`
    export const nothing = () => {};
    export const endless = () => { for (;;); };`)}`;
  // Shorter limits are told at once.
  const call = (id: number, name: string) =>
    deferOf(id, [], { name, timeoutMs: 5000, function: encode({ kind: 'module', module, export: name }) });
  const short = Array.from({ length: 20 }, (_, index) => call(index + 1, 'nothing'));
  put(Buffer.concat(framesOf(headerOf(), ...short, call(21, 'endless'), call(22, 'nothing'))));
  const { files, ok } = await sweep(base, { logger: null, killGraceMs: 0 });
  const endless = files[0]!.functions.find(({ name }) => name === 'endless');
  // The sweeper's words: had its watchdog ended the runner, it would have crashed.
  assert.equal(endless?.outcome, 'timed-out');
  assert.match(endless.error!.message, /within 5000 ms, its process was killed/);
  assert.equal(ok, 21);
});
