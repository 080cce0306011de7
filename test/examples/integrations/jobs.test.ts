/** Examples with threads, requests and containers: whose job has ended, and whose has not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { createStage, skipExamples } from './running.ts';

const left = (directory: string): string[] =>
  readdirSync(directory).filter(name => /^(scratch|upload)-/.test(name));

test('what a thread of a pool left is swept while its process lives', { skip: skipExamples }, async t => {
  const base = freshDirectory(t);
  const pool = createStage(t).start('piscina-pool.mjs', [base]);
  await pool.says(/^counted 13$/);
  await pool.says(/^stuck, with a scratch directory$/);
  await pool.says(/^AbortError$/);
  await pool.says(/^1 done; the directory is gone$/);
  assert.equal(await pool.end(), 0);
  assert.deepEqual(left(base), []);
});

test('the upload of a request is gone when it is answered, and that of a killed server when it starts again', {
  skip: skipExamples,
}, async t => {
  const stage = createStage(t);
  const base = freshDirectory(t);
  const server = stage.start('express-uploads.mjs', [base]);
  const [, port = ''] = await server.says(/^swept 0, port (\d+)$/);
  const url = `http://127.0.0.1:${port}/count`;
  const answer = await fetch(url, { method: 'POST', body: 'four' });
  assert.deepEqual(await answer.json(), { bytes: 4 });
  assert.deepEqual(left(base), []);

  // A request in the middle of its upload.
  const half = request(url, { method: 'POST', headers: { 'content-length': '1000' } });
  half.on('error', () => {});
  half.write('half');
  while (left(base).length === 0) await (await fetch(url, { method: 'POST', body: 'one more' })).json();
  await server.kill();
  assert.equal(left(base).length, 1);

  const again = stage.start('express-uploads.mjs', [base]);
  await again.says(/^swept 1, port/);
  assert.deepEqual(left(base), []);
  assert.equal(await again.terminate(), 0);
});

const canUnshare = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
test('of two containers with one volume, the one that lives keeps its files and sweeps those of the other', {
  skip: skipExamples || (canUnshare ? false : 'SKIPPED: pid namespaces cannot be made here; needs root'),
}, async t => {
  const stage = createStage(t);
  const volume = freshDirectory(t);
  mkdirSync(join(volume, 'state'));
  const container = (name: string): ReturnType<typeof stage.start> =>
    stage.start(
      'unshare',
      ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, 'volume-worker.mjs', volume],
      {
        CONTAINER: name,
      },
    );
  const first = container('first');
  await first.says(/^pid 1 works; found 0 live, ran 0$/);
  const second = container('second');
  await second.says(/^pid 1 works; found 1 live, ran 0$/);
  assert.equal(left(volume).length, 2);
  await first.kill();
  const third = container('third');
  await third.says(/^pid 1 works; found 1 live, ran 1$/);
  assert.equal(left(volume).length, 2, 'that of the second and of the third');
  assert.deepEqual([await second.end(), await third.end()], [0, 0]);
  assert.deepEqual(left(volume), []);
});
