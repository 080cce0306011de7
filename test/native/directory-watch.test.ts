import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type DirectoryEvent, DirectoryWatch } from '#dist/native/directory-watch.js';
import { startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { until } from '../helpers/until.ts';

const skip = process.platform === 'linux' ? false : 'NOT TESTED: there is no inotify here';

/** A watch, and a way to wait for an event. */
function open(t: TestContext) {
  const events: DirectoryEvent[] = [];
  const watch = DirectoryWatch.open(more => void events.push(...more))!;
  t.after(() => watch.close());
  const arrival = (isIt: (event: DirectoryEvent) => boolean) => until(`${isIt}`, () => events.some(isIt));
  return { watch, events, arrival };
}

test('the end of a process that had a file open for writing is told, and that of the last copy only', {
  skip,
}, async t => {
  const directory = freshDirectory(t);
  const path = join(directory, 'file');
  const fd = openSync(path, 'w');
  const { watch, events, arrival } = open(t);
  watch.add(directory, 'closing');
  const other = startChild(t, 'lock-peer', { descriptors: [fd] });
  closeSync(fd);
  // Another event shows that the one that must not come would have come before it.
  writeFileSync(join(directory, 'second'), '');
  await arrival(event => 'name' in event && event.name === 'second' && event.kind === 'closed');
  assert.ok(!events.some(event => 'name' in event && event.name === 'file'));
  await other.kill();
  await arrival(event => event.kind === 'closed' && event.name === 'file');
});

test('what appears is told with its directory, and so is the end of a directory', { skip }, async t => {
  const root = freshDirectory(t);
  const [one, two] = ['one', 'two'].map(name => join(root, name));
  mkdirSync(one!);
  mkdirSync(two!);
  const { watch, events, arrival } = open(t);
  watch.add(one!, 'closing');
  watch.add(two!, 'closing');
  writeFileSync(join(root, 'file'), '');
  renameSync(join(root, 'file'), join(two!, 'moved'));
  await arrival(event => event.kind === 'moved-in' && event.directory === two && event.name === 'moved');
  closeSync(openSync(join(one!, 'made'), 'w'));
  await arrival(event => event.kind === 'made' && event.directory === one && event.name === 'made');
  unlinkSync(join(one!, 'made'));
  rmdirSync(one!);
  await arrival(event => event.kind === 'gone' && event.directory === one);
  renameSync(two!, join(root, 'three'));
  await arrival(event => event.kind === 'gone' && event.directory === two);
  const told = events.length;
  writeFileSync(join(root, 'three', 'unseen'), '');
  mkdirSync(two!);
  watch.add(two!, 'closing');
  writeFileSync(join(two!, 'again'), '');
  await arrival(event => event.kind === 'closed' && event.directory === two && event.name === 'again');
  assert.deepEqual(
    events.slice(told).map(event => event.kind),
    ['made', 'closed'],
  );
  assert.throws(() => watch.add(join(root, 'missing'), 'end'), {
    code: 'ENOENT',
    syscall: 'inotify_add_watch',
  });
  assert.throws(() => watch.add(join(two!, 'again'), 'end'), { code: 'ENOTDIR' });
});

test('reading a file wakes no watch', { skip }, async t => {
  const directory = freshDirectory(t);
  writeFileSync(join(directory, 'file'), '');
  const { watch, events, arrival } = open(t);
  watch.add(directory, 'closing');
  for (let count = 0; count < 100; count++) closeSync(openSync(join(directory, 'file'), 'r'));
  writeFileSync(join(directory, 'last'), '');
  await arrival(event => event.kind === 'closed' && event.name === 'last');
  assert.deepEqual(events.map(event => event.kind).sort(), ['closed', 'made']);
});

test('a queue that overflows is told', { skip }, async t => {
  const directory = freshDirectory(t);
  const { watch, events, arrival } = open(t);
  watch.add(directory, 'closing');
  // fs.inotify.max_queued_events is 16384 by default; this thread reads none of them meanwhile. Different names: equal
  // events in a row are one.
  for (let count = 0; count < 20_000; count++) closeSync(openSync(join(directory, `${count % 2}`), 'w'));
  await arrival(event => event.kind === 'overflow');
  assert.ok(events.length > 1000);
});

test('no event is told after the end, which may come twice', { skip }, async t => {
  const directory = freshDirectory(t);
  const { watch, events } = open(t);
  watch.add(directory, 'closing');
  writeFileSync(join(directory, 'file'), '');
  watch.close();
  watch.close();
  await new Promise(resolve => setTimeout(resolve, 0));
  assert.deepEqual(events, []);
});

test('a worker that ends, or is terminated, with a watch open leaves the process whole', {
  skip,
}, async t => {
  const directory = freshDirectory(t);
  const module = import.meta.resolve('#dist/native/directory-watch.js');
  for (const end of ['process.exit(0)', 'setInterval(() => {}, 1000)']) {
    const worker = new Worker(
      new URL(
        `data:text/javascript,${encodeURIComponent(`
          import { parentPort } from 'node:worker_threads';
          const { DirectoryWatch } = await import(${JSON.stringify(module)});
          DirectoryWatch.open(() => {}).add(${JSON.stringify(directory)}, 'closing');
          parentPort.postMessage('open');
          ${end};`)}`,
      ),
    );
    const exited = new Promise(resolve => worker.once('exit', resolve));
    await new Promise(resolve => worker.once('message', resolve));
    await worker.terminate();
    await exited;
    writeFileSync(join(directory, 'file'), end);
  }
});
