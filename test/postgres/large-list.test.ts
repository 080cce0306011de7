import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterManager } from '#dist/postgres/index.js';
import type { ClusterListReport, ListedOwner } from '#dist/postgres/listed-owner.js';
import { ClusterOperator } from '#dist/postgres/operate.js';
import { runClusterCommandLine } from '../helpers/postgres/command-line.ts';
import { skipLong } from '../helpers/postgres/mode.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';

const law = { skip: skipPostgres || skipLong, timeout: 120_000 };
/** The longest arguments that are listed. */
const ARGUMENT_BYTES = 4096;
let server: PostgresServer;

sharedServer(
  started => {
    server = started;
  },
  {},
  law.skip,
);

/** Gives the owner functions numbered up to `count` as its first one, but with long arguments. */
async function multiply(owner: string, count: number): Promise<void> {
  await server.sql(
    `INSERT INTO deferred_sweep.functions (lock_key, id, handler, arguments, delivery, timeout_ms, max_attempts)
     SELECT f.lock_key, n, f.handler, decode('81590ffc' || repeat('2a', ${ARGUMENT_BYTES - 4}), 'hex'), f.delivery, 1000, 1
     FROM deferred_sweep.functions f, generate_series(2, $2::integer) n
     WHERE deferred_sweep.hex_key(f.lock_key) = $1 AND f.id = 1`,
    [owner, count],
  );
}

test('an owner with more than a jsonb can hold is listed, and what it has is discarded', law, async t => {
  const count = 50_000;
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 0, restartGraceMs: 0 });
  await owner.defer('note', 'a');
  await owner.child.kill();
  await multiply(owner.id, count);
  const cli = (...args: string[]) =>
    runClusterCommandLine([...args, '--pool', pool.name], server.url('operator'));
  const { status, stdout, stderr } = cli('list', '--json');
  assert.equal(status, 0, stderr);
  const { owners } = JSON.parse(stdout) as ClusterListReport;
  assert.deepEqual(
    owners.map(({ id, functions }) => [id, functions.length, functions.at(-1)?.id]),
    [[owner.id, count, count]],
  );
  assert.equal(cli('discard', `${owner.id}.${count}`, '--yes').status, 0);
});

test('a list that is read no further keeps no sweeper waiting', law, async t => {
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 0, restartGraceMs: 0 });
  await owner.defer('note', 'a');
  await multiply(owner.id, 10_000);
  const proxy = await TcpProxy.start(t, server);
  const connection = { connectionString: proxy.url('operator') };
  const operator = await ClusterOperator.connect(connection, '"deferred_sweep"', pool.name, 60_000);
  await owner.child.kill();
  let bytes = 0;
  const stopped = new Promise<void>(resolve => {
    proxy.alterAnswer = data => {
      bytes += data.length;
      if (bytes > 1 << 20) {
        proxy.freeze();
        resolve();
      }
      return data;
    };
  });
  const listing = assert.rejects(operator.list());
  await stopped;
  const stop = new AbortController();
  const manager = new ClusterManager({
    connection: server.url('worker'),
    pool: pool.name,
    handlers: { note: () => stop.abort() },
    logger: null,
  });
  const report = await manager.sweep({ signal: stop.signal });
  assert.equal(report.ok, 1, JSON.stringify(report));
  await manager.close();
  proxy.cut();
  await listing;
  await operator.end();
});

test(
  'a function that has failed some thousand times is given up, and known by its last twenty attempts',
  law,
  async t => {
    const pool = new Pool(t, server);
    const manager = pool.manager({ maxAttempts: 5000, retryDelayMs: 0 });
    const job = await manager.open();
    await job.defer('fail', pool.ledger.path, 'a');
    await job.close();
    // As the first failed, with errors as long as they get.
    await server.sql(
      `INSERT INTO deferred_sweep.attempts (lock_key, id, attempt, epoch, call, runner, ended_at, error)
     SELECT a.lock_key, a.id, n, a.epoch, gen_random_uuid(), a.runner, now(),
       jsonb_build_object('name', 'Error', 'message', repeat('m', 16384), 'stack', repeat('s', 16384), 'code', repeat('c', 32768))
     FROM deferred_sweep.attempts a, generate_series(2, 4999) n WHERE deferred_sweep.hex_key(a.lock_key) = $1`,
      [job.id],
    );
    const report = await manager.sweep();
    assert.equal(report.owners[0]?.functions[0]?.deadLetter, `${job.id}.1`, JSON.stringify(report));
    const { stdout } = runClusterCommandLine(['list', '--pool', pool.name], server.url('operator'));
    assert.match(stdout, /^dead\t.*\t5000\/5000\t/);
    const show = ['show', job.id, '--pool', pool.name, '--json'];
    const [fn] = (JSON.parse(runClusterCommandLine(show, server.url('operator')).stdout) as ListedOwner)
      .functions;
    assert.deepEqual(
      fn?.attempts.map(({ attempt }) => attempt),
      Array.from({ length: 20 }, (_, index) => 4981 + index),
    );
  },
);
