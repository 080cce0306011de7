import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { baseOfKilledWorker } from '../helpers/command-line.ts';

test('what an orphan changes of its process, the directory included, the next one does not find', async t => {
  const base = baseOfKilledWorker(
    t,
    `async function look(path) {
       const { appendFileSync } = await import('node:fs');
       const { PATH, ADDED } = process.env;
       appendFileSync(path, JSON.stringify([process.cwd(), process.umask(), PATH, ADDED]) + '\\n');
     }
     job.defer(look, base + '/seen');
     job.defer(async function change(gone) {
       const { rmdirSync } = await import('node:fs');
       process.chdir(gone);
       rmdirSync(gone);
       process.umask(0o777);
       delete process.env.PATH;
       process.env.ADDED = 'added';
     }, base + '/gone');
     job.defer(look, base + '/seen');`,
  );
  mkdirSync(join(base, 'gone'));
  assert.equal((await sweep(base)).ok, 3);
  const [before, after] = readFileSync(join(base, 'seen'), 'utf8').split('\n');
  assert.equal(after, before);
});
