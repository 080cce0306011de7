import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '#dist/errors.js';
import { currentInvocation } from '#dist/postgres/index.js';
import { handlers } from '../helpers/postgres/handlers.ts';
import { rounds } from '../helpers/postgres/mode.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

const rowsOf = (pool: Pool) =>
  server.sql(
    'SELECT f.* FROM deferred_sweep.functions f JOIN deferred_sweep.owners USING (lock_key) WHERE pool = $1',
    [pool.name],
  );

test('a registration whose answer is lost after the commit resolves, and is there once', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const job = await pool.manager({ connection: proxy.url() }).open();
  for (let round = 0; round < 5; round++) {
    proxy.dropAnswers();
    const deferred = job.defer('note', pool.ledger.path, `f${round}`);
    await until('the commit', async () => (await rowsOf(pool)).length === round + 1);
    proxy.cut();
    assert.equal((await deferred).id, round + 1);
  }
  assert.equal((await rowsOf(pool)).length, 5);
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed, report.pending], [5, 0, 0]);
  assert.equal(pool.ledger.names('end').length, 5);
});

test(
  'a call is sent again that ended with its connection, in whatever language the server says so',
  law,
  async t => {
    const pool = new Pool(t, server);
    const proxy = await TcpProxy.start(t, server);
    const job = await pool.manager({ connection: proxy.url() }).open();
    const blocker = await server.lock(t, 'LOCK TABLE deferred_sweep.functions');
    const deferred = job.defer('note', pool.ledger.path, 'a');
    // As of a server of another language that ends because its disk is full. Its log says what it can: it may be done.
    let ended = 0;
    proxy.alterAnswer = data => {
      const text = data.toString('latin1');
      ended += Number(text.includes('SFATAL'));
      return Buffer.from(text.replace('SFATAL', 'SPANIK').replace('C57P01', 'C53100'), 'latin1');
    };
    const waiting = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'worker' AND wait_event_type = 'Lock'`;
    await until('the wait', async () => (await server.sql(waiting)).length === 1);
    await until('the end', () => ended === 1);
    await blocker.query('ROLLBACK');
    assert.equal((await deferred).id, 1);
    assert.equal((await job.close()).ok, 1);
  },
);

test('many jobs attach again in as few answers as one', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const manager = pool.manager({ connection: proxy.url() });
  const jobs = await Promise.all(Array.from({ length: 50 }, () => manager.open()));
  let answers = 0;
  proxy.alterAnswer = data => {
    answers++;
    return data;
  };
  proxy.cut();
  await Promise.all(jobs.map(job => job.defer('note', pool.ledger.path, job.id)));
  // One for each registration, and some for the connection.
  assert.ok(answers < 1.5 * jobs.length, `${answers} answers for ${jobs.length} jobs`);
  assert.deepEqual(
    (await pool.owners()).map(({ attachment }) => attachment),
    jobs.map(() => '2'),
  );
  await manager.close();
});

test('a cancellation and an end whose answer is lost are done once', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const job = await pool.manager({ connection: proxy.url() }).open();
  const first = await job.defer('note', pool.ledger.path, 'a');
  await job.defer('note', pool.ledger.path, 'b');
  await job.defer('note', pool.ledger.path, 'c');
  proxy.dropAnswers();
  const cancelled = first.cancel();
  await until('the cancellation', async () => (await rowsOf(pool)).length === 2);
  proxy.cut();
  assert.equal(await cancelled, true);

  proxy.dropAnswers();
  const closed = job.close();
  // The start mark of b is there and its answer is not: sent again, it must be the same attempt.
  await until(
    'the start',
    async () => (await server.sql('SELECT 1 FROM deferred_sweep.attempts')).length === 1,
  );
  proxy.cut();
  const report = await closed;
  assert.deepEqual(
    report.owners[0]?.functions.map(({ id, outcome, attempt }) => [id, outcome, attempt]),
    [
      [2, 'ok', 1],
      [3, 'ok', 1],
    ],
  );
  assert.deepEqual(pool.ledger.names('start'), ['b', 'c']);
});

test('a function that was given up is reported so where the answer is lost', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const fail = (): void => {
    proxy.dropAnswers();
    throw new Error('the cloud is away');
  };
  const options = { connection: proxy.url(), maxAttempts: 1, handlers: { ...handlers, fail } };
  const job = await pool.manager(options).open();
  await job.defer('fail', pool.ledger.path, 'a');
  const closed = job.close();
  await until(
    'the dead letter',
    async () =>
      (await server.sql('SELECT 1 FROM deferred_sweep.dead_letters WHERE pool = $1', [pool.name])).length ===
      1,
  );
  proxy.cut();
  const report = await closed;
  assert.deepEqual(
    report.owners[0]?.functions.map(({ outcome, deadLetter }) => [outcome, deadLetter]),
    [['failed', `${job.id}.1`]],
  );
});

test('functions that are given up without a run are reported so where the answer is lost', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const job = await pool.manager({ connection: proxy.url(), delivery: 'at-most-once' }).open();
  for (const name of ['a', 'b']) await job.defer('note', pool.ledger.path, name);
  // As a runner leaves them that dies in them.
  await server.sql(
    `INSERT INTO deferred_sweep.attempts (lock_key, id, attempt, epoch, call, runner)
     SELECT f.lock_key, f.id, 1, o.epoch, gen_random_uuid(), 'gone:1'
     FROM deferred_sweep.functions f JOIN deferred_sweep.owners o USING (lock_key) WHERE o.pool = $1`,
    [pool.name],
  );
  proxy.dropAnswers();
  const closed = job.close();
  await until('the burial', async () => (await rowsOf(pool)).length === 0);
  proxy.cut();
  const { owners } = await closed;
  assert.deepEqual(
    owners[0]?.functions.map(({ outcome, attempt, deadLetter }) => [outcome, attempt, deadLetter]),
    [1, 2].map(id => ['skipped', 1, `${job.id}.${id}`]),
  );
  assert.deepEqual(pool.ledger.names('start'), []);
});

test(
  'a registration that the server never answers rejects as uncertain, one that was never sent as not done',
  law,
  async t => {
    const pool = new Pool(t, server);
    const proxy = await TcpProxy.start(t, server);
    const job = await pool.manager({ connection: proxy.url(), callTimeoutMs: 700 }).open();
    proxy.dropAnswers();
    await assert.rejects(job.defer('note', pool.ledger.path, 'a'), error =>
      hasCode(error, 'DEFERRED_UNCERTAIN'),
    );
    proxy.isDown = true;
    proxy.cut();
    // Ended by the server's view: the cut has arrived when the next call finds no connection.
    await until('the loss', () => job.signal.aborted);
    await assert.rejects(job.defer('note', pool.ledger.path, 'b'), error =>
      hasCode(error, 'DEFERRED_DATABASE'),
    );
    assert.deepEqual(
      (await rowsOf(pool)).map(row => row.id),
      ['1'],
    );
  },
);

for (const [role, rights] of [
  ['worker', 'are its own'],
  ['becoming', 'are those of a role that it becomes'],
] as const)
  test(
    `a session that is cut off while it attaches again keeps no lock, where its rights ${rights}`,
    law,
    async t => {
      if (role === 'becoming')
        await server.sql(
          `CREATE ROLE becoming LOGIN NOINHERIT IN ROLE worker; ALTER ROLE becoming SET role = worker`,
        );
      const pool = new Pool(t, server);
      const proxy = await TcpProxy.start(t, server);
      const job = await pool.manager({ connection: proxy.url(role), graceMs: 600_000 }).open();
      proxy.alterAnswer = data => {
        if (!data.includes('attachment')) return data;
        proxy.alterAnswer = answer => answer;
        proxy.freeze();
        return Buffer.alloc(0);
      };
      proxy.cut();
      await job.defer('note', pool.ledger.path, 'a');
      await until('one session', async () => {
        const holders = 'SELECT FROM deferred_sweep.held_keys() WHERE deferred_sweep.hex_key(held) = $1';
        return (await server.sql(holders, [job.id])).length === 1;
      });
      assert.equal((await job.close()).ok, 1);
    },
  );

test('a reconnection that finishes after close leaves no session', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const manager = pool.manager({ connection: proxy.url(), callTimeoutMs: 300 });
  await manager.open();
  proxy.cut();
  await manager.close();
  await until('no session', async () => {
    const rows = await server.sql(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'deferred-sweep'`);
    return rows.length === 0;
  });
});

test(
  'however often connections are cut and answers lost, what resolved is done, and each function is begun once',
  law,
  async t => {
    const pool = new Pool(t, server);
    const proxy = await TcpProxy.start(t, server);
    const options = { connection: proxy.url(), graceMs: 600_000, callTimeoutMs: 600_000 };
    const managers = [1, 2, 3].map(() => pool.manager(options));
    await Promise.all(managers.map(async manager => (await manager.open()).close()));
    const endMs = performance.now() + rounds(1500, 10_000, 120_000);
    const isOver = () => performance.now() > endMs;
    const kept: string[] = [];
    const cancelled: string[] = [];
    let answered = 0;
    const work = managers.map(async manager => {
      while (!isOver()) {
        const job = await manager.open();
        const names = Array.from({ length: 3 }, () => randomUUID());
        const registered = await Promise.all(names.map(name => job.defer('note', pool.ledger.path, name)));
        assert.equal(await registered[0]!.cancel(), true);
        answered += 1;
        cancelled.push(names[0]!);
        kept.push(...names.slice(1));
        const { ok, failed, pending, owners } = await job.close();
        answered += 1;
        assert.deepEqual({ ok, failed, pending }, { ok: 2, failed: 0, pending: 0 }, JSON.stringify(owners));
      }
    });
    let cuts = 0;
    while (!isOver()) {
      // Some cuts come while the last one is being mended. After the others something was answered, however slow all is.
      const before = answered;
      if (randomInt(3) > 0) await until('an answer', () => isOver() || answered > before);
      await sleep(randomInt(20, 200));
      if (randomInt(2) === 0) {
        proxy.dropAnswers();
        await sleep(randomInt(30));
      }
      proxy.cut();
      cuts += 1;
    }
    await Promise.all(work);
    t.diagnostic(`${cuts} cuts, ${kept.length} functions run, ${cancelled.length} cancelled`);
    assert.deepEqual(pool.ledger.names('start'), [...kept].sort());
    assert.deepEqual(await rowsOf(pool), []);
  },
);

test('many calls are on their way at once, and one that is not is surely not done', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const job = await pool.manager({ connection: proxy.url(), callTimeoutMs: 2000 }).open();
  proxy.dropAnswers();
  const calls = Array.from({ length: 40 }, (_, index) => job.defer('note', pool.ledger.path, `f${index}`));
  const settled = Promise.allSettled(calls);
  await until('all that are sent', async () => (await rowsOf(pool)).length === 32);
  const codes = (await settled).map(call => (call.status === 'rejected' ? call.reason.code : 'ok'));
  assert.deepEqual(codes, [
    ...new Array(32).fill('DEFERRED_UNCERTAIN'),
    ...new Array(8).fill('DEFERRED_DATABASE'),
  ]);
  assert.equal((await rowsOf(pool)).length, 32);
  proxy.cut();
});

test('a function that is started when the connection is back is not told that it was away', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const note = (): void => currentInvocation()!.signal.throwIfAborted();
  const options = { connection: proxy.url(), graceMs: 1000, handlers: { ...handlers, note } };
  const job = await pool.manager(options).open();
  for (const name of ['a', 'b']) await job.defer('note', pool.ledger.path, name);
  proxy.dropAnswers();
  const closed = job.close();
  const starts = `SELECT FROM deferred_sweep.attempts JOIN deferred_sweep.owners USING (lock_key) WHERE pool = $1`;
  await until('the start', async () => (await server.sql(starts, [pool.name])).length === 1);
  proxy.isDown = true;
  proxy.cut();
  await until('the loss', () => job.signal.aborted);
  proxy.isDown = false;
  const { ok, failed, owners } = await closed;
  assert.deepEqual([ok, failed, owners[0]?.error], [2, 0, undefined]);
});

test('a job that ends while the server is away is taken by another when it is back', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const manager = pool.manager({ connection: proxy.url(), graceMs: 100, callTimeoutMs: 300 });
  const job = await manager.open();
  await job.defer('note', pool.ledger.path, 'a');
  proxy.isDown = true;
  proxy.cut();
  await until('the loss', () => job.signal.aborted);
  const report = await job.close();
  assert.deepEqual([report.isComplete, report.owners[0]?.error?.code], [false, 'DEFERRED_DATABASE']);
  proxy.isDown = false;
  // The manager lives on, and connects again; it must not keep what it has ended.
  await until('another job', () => manager.open().catch(() => undefined));
  const other = pool.manager({ graceMs: 100 });
  await until('the take-over', async () => (await other.sweep()).ok === 1);
});
