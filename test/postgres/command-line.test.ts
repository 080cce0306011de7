import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseClusterLine } from '#dist/cli/cluster/arguments.js';
import { UsageError } from '#dist/cli/exit.js';
import { Pool } from '../helpers/postgres/pool.ts';
import { PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';

const law = { skip: skipPostgres };
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let server: PostgresServer;

before(async () => {
  if (!skipPostgres) server = await PostgresServer.start();
});
after(() => server?.end());

function cli(args: readonly string[], user = 'operator') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'cluster', ...args], {
    encoding: 'utf8',
    env: { DEFERRED_SWEEP_POSTGRES: server.url(user) },
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

test(
  'migrate makes the schema, says so once, and wrong usage is status 2, a missing schema 3',
  law,
  async () => {
    assert.equal(cli(['list', '--pool', 'p'], 'postgres').status, 3);
    await server.sql('CREATE ROLE worker LOGIN');
    await server.sql('CREATE ROLE operator LOGIN');
    const grants = ['migrate', '--worker', 'worker', '--operator', 'operator'];
    assert.match(cli(grants, 'postgres').stdout, /^schema deferred_sweep: version 0 to \d+\n$/);
    assert.match(cli(grants, 'postgres').stdout, /^schema deferred_sweep has version \d+ already\n$/);
    assert.equal(cli(grants).status, 3, 'an operator may not migrate');
    for (const wrong of [
      [],
      ['lsit'],
      ['list'],
      ['sweep', '--pool', 'p'],
      ['show', '--pool', 'p'],
      ['list', '--x'],
    ]) {
      assert.throws(() => parseClusterLine(wrong), UsageError, wrong.join(' '));
    }
    assert.equal(cli(['lsit']).status, 2);
    assert.equal(cli(['--help']).status, 0);
  },
);

test(
  'a dead letter is listed, shown, given its attempts again, run by the command, or discarded',
  law,
  async t => {
    const pool = new Pool(t, server);
    const inPool = ['--pool', pool.name];
    const job = await pool.manager({ maxAttempts: 1, label: 'build \u001b[31m7' }).open();
    await job.defer('fail', pool.ledger.path, 'a');
    await job.defer('fail', pool.ledger.path, 'b');
    const report = await job.close();
    assert.deepEqual(
      report.owners[0]?.functions.map(fn => fn.deadLetter),
      [`${job.id}.1`, `${job.id}.2`],
    );

    const listed = cli(['list', ...inPool]);
    assert.equal(listed.status, 0, listed.stderr);
    assert.match(
      listed.stdout,
      new RegExp(`^dead +${job.id}\\.1 .* 1/1 +fail +build \\\\u\\{1b\\}\\[31m7$`, 'm'),
    );
    assert.match(
      cli(['show', ...inPool, `${job.id.slice(0, 12)}.2`]).stdout,
      /fail\('.*', 'b'\).*\n(.*\n)+.*the cloud is away/,
    );
    assert.equal(cli(['show', ...inPool, '0.9']).status, 1);

    assert.equal(cli(['discard', ...inPool, `${job.id}.1`]).status, 0);
    assert.equal(cli(['retry', ...inPool, `${job.id}.1`]).status, 1);
    assert.equal(cli(['retry', ...inPool, `${job.id}.2`]).status, 0);
    const handlers = join(dirname(pool.ledger.path), 'handlers.mjs');
    writeFileSync(
      handlers,
      "export const handlers = { fail(path, name) { console.log('undone ' + name); } };\n",
    );
    const swept = cli(['sweep', ...inPool, '--handlers', handlers], 'worker');
    assert.equal(swept.status, 0, swept.stderr);
    assert.match(
      swept.stdout,
      /undone b\n(.*\n)* {2}fail: ok \(attempt 1, .*\n.*: 1 done, 0 failed, 0 left for later\n$/,
    );
    assert.equal(cli(['list', '--json', ...inPool]).stdout, '');
  },
);

test('the function of a live job is listed as such and cannot be discarded', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager().open();
  await job.defer('note', pool.ledger.path, 'a');
  const [owner] = cli(['list', '--json', '--pool', pool.name]).stdout.split('\n');
  const { state, functions } = JSON.parse(owner!);
  assert.deepEqual([state, functions.length, functions[0].name], ['live', 1, 'note']);
  const refused = cli(['discard', '--pool', pool.name, `${job.id}.1`]);
  assert.deepEqual([refused.status, /live owner/.test(refused.stderr)], [1, true]);
  assert.equal(cli(['list', '--pool', pool.name], 'worker').status, 3, 'a worker may not list');
});
