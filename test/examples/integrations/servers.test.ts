/** Examples with Redis and PostgreSQL. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '../../helpers/command-line.ts';
import { freePort } from '../../helpers/free-port.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { PostgresServer, skipPostgres } from '../../helpers/postgres/server.ts';
import { cleanup, createStage, skipExamples } from './running.ts';

const require = createRequire(join(packageRoot, 'examples/integrations/package.json'));
const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis that keeps nothing; it ends with the test. */
async function startRedis(t: TestContext): Promise<string> {
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', freshDirectory(t)];
  const server = spawn('setpriv', ['--pdeathsig=KILL', 'redis-server', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  for await (const line of createInterface(server.stdout))
    if (line.includes('Ready to accept connections')) break;
  server.stdout.resume();
  return `redis://127.0.0.1:${port}`;
}

test('a job of a BullMQ worker that was killed is done by the next worker, without what the first attempt left', {
  skip:
    skipExamples || (hasRedis ? false : 'SKIPPED: no redis-server here; install the package redis-server'),
}, async t => {
  const stage = createStage(t);
  const base = freshDirectory(t);
  const input = join(freshDirectory(t), 'input');
  const url = await startRedis(t);
  const { Queue } = require('bullmq') as {
    Queue: new (
      name: string,
      options: object,
    ) => { add(name: string, data: object): Promise<unknown>; close(): Promise<void> };
  };
  const queue = new Queue('render', { connection: { url } });
  t.after(() => queue.close());
  await queue.add('render', { input });

  const first = stage.start('bullmq-worker.mjs', [base], { REDIS_URL: url });
  const [, scratch = ''] = await first.says(/^began (.*)$/);
  await first.kill();
  assert.ok(existsSync(scratch));

  const second = stage.start('bullmq-worker.mjs', [base], { REDIS_URL: url });
  const [, another = ''] = await second.says(/^began (.*)$/);
  assert.notEqual(another, scratch);
  assert.ok(!existsSync(scratch), 'swept before the second attempt began');
  writeFileSync(input, 'picture');
  await second.says(/^completed PICTURE$/);
  assert.ok(!existsSync(another));
  assert.equal(await second.terminate(), 0);
});

const environmentOf = ({ address, port }: PostgresServer): NodeJS.ProcessEnv => ({
  ...{ PGHOST: address, PGPORT: `${port}`, PGUSER: 'postgres', PGDATABASE: 'postgres' },
});

async function databases(server: PostgresServer): Promise<string[]> {
  return (await server.sql('SELECT datname FROM pg_database')).map(row => String(row.datname));
}

test('a temporary database is dropped at the end of its run, or by a sweep after it was killed', {
  skip: skipExamples || skipPostgres,
}, async t => {
  const stage = createStage(t);
  const base = freshDirectory(t);
  const server = await PostgresServer.start();
  t.after(() => server.end());
  const env = environmentOf(server);

  const whole = stage.start('temporary-database.mjs', [base], env);
  const [, first = ''] = await whole.says(/^database (.*)$/);
  assert.ok((await databases(server)).includes(first));
  assert.equal(await whole.end(), 0);
  assert.ok(!(await databases(server)).includes(first));

  const killed = stage.start('temporary-database.mjs', [base], env);
  const [, second = ''] = await killed.says(/^database (.*)$/);
  await killed.kill();
  assert.ok((await databases(server)).includes(second));
  // The sweep has none of these variables: they were stored.
  assert.match(cleanup(base), / 1 done, 0 failed/);
  assert.ok(!(await databases(server)).includes(second));
});
