import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handlers } from '../helpers/postgres/handlers.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

test('closing a job runs its functions in their order and leaves nothing behind', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager().open();
  for (const name of ['a', 'b', 'c']) await job.defer('note', pool.ledger.path, name);
  const report = await job.close();
  assert.deepEqual(
    report.owners[0]?.functions.map(({ id, name, outcome, attempt }) => [id, name, outcome, attempt]),
    [1, 2, 3].map(id => [id, 'note', 'ok', 1]),
  );
  assert.deepEqual(
    { ok: report.ok, failed: report.failed, pending: report.pending },
    { ok: 3, failed: 0, pending: 0 },
  );
  assert.deepEqual(pool.ledger.names('end'), ['a', 'b', 'c']);
  assert.deepEqual(await pool.owners(), []);
});

test('a logger that throws changes no result, and gets no control characters', law, async t => {
  const pool = new Pool(t, server);
  const told: string[] = [];
  const warn = (text: string): void => {
    told.push(text);
    throw new Error('no logger today');
  };
  const manager = pool.manager({ maxAttempts: 1, logger: { info() {}, warn } });
  const result = await manager.run(async defer => {
    await defer('fail', pool.ledger.path, 'a', 'no\u001b[2Jroom');
    return 'done';
  });
  assert.equal(result, 'done');
  assert.match(told.join('\n'), /fail failed in attempt 1, given up, .*: no\\u001b\[2Jroom /);
  // @ts-expect-error: of JavaScript
  assert.throws(() => pool.manager({ logger: {} }), { name: 'TypeError', message: /"logger"/ });
});

test('an error is stored whatever its text', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager({ maxAttempts: 1 }).open();
  // The last two are texts of two and of six characters, which look like what jsonb refuses.
  const texts = ['a\0b', '\ud83d', '\\0', '\\u0000'];
  for (const text of texts) await job.defer('fail', pool.ledger.path, 'a', text);
  const { owners } = await job.close();
  assert.deepEqual(
    owners[0]?.functions.map(({ outcome, deadLetter }) => [outcome, deadLetter !== undefined]),
    texts.map(() => ['failed', true]),
  );
  const stored = await server.sql(
    `SELECT f.error ->> 'message' AS message FROM deferred_sweep.dead_letters f WHERE pool = $1 ORDER BY id`,
    [pool.name],
  );
  assert.deepEqual(
    stored.map(({ message }) => message),
    ['a\ufffdb', '\ufffd', '\\0', '\\u0000'],
  );
});

test('a function that was cancelled does not run, and cancelling it again says so', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager().open();
  const [first, second] = await job.deferMany([
    ['note', pool.ledger.path, 'a'],
    ['note', pool.ledger.path, 'b'],
  ]);
  assert.equal(await first!.cancel(), true);
  assert.equal(await first!.cancel(), false);
  await job.close();
  assert.equal(await second!.cancel(), false);
  assert.deepEqual(pool.ledger.names('start'), ['b']);
});

test('what a killed worker registered is run by another process, once', law, async t => {
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 0 });
  assert.deepEqual(await owner.defer('note', 'a'), { did: 'deferred', id: 1 });
  const manager = pool.manager({ graceMs: 0 });
  assert.equal((await manager.sweep()).owners.length, 0, 'the owner lives');
  await owner.child.kill();
  const abort = new AbortController();
  await manager.watch({ intervalMs: 20, signal: abort.signal, onReport: () => abort.abort() });
  assert.deepEqual(pool.ledger.names('end'), ['a']);
  assert.deepEqual(await pool.owners(), []);
});

test(
  'a death costs the grace and two polls: the first suspects, the first after the grace runs',
  law,
  async t => {
    const pool = new Pool(t, server);
    const owner = await pool.owner({ graceMs: 700 });
    await owner.defer('note', 'a');
    const sweeper = pool.manager({ graceMs: 700 });
    await sweeper.sweep();
    assert.deepEqual(
      (await pool.owners()).map(row => row.suspected_at),
      [null],
    );
    await owner.child.kill();
    const isHeld = `SELECT 1 FROM deferred_sweep.held_keys() h WHERE deferred_sweep.hex_key(h.held) = $1`;
    await until('the end of its session', async () => (await server.sql(isHeld, [owner.id])).length === 0);
    const state = async (): Promise<unknown> => {
      const [row] = await server.sql(
        `SELECT entry ->> 'state' AS state FROM deferred_sweep.list_owners($1)`,
        [pool.name],
      );
      return row?.state;
    };
    assert.equal(await state(), 'suspected', 'also before a sweeper has seen it');
    assert.equal((await sweeper.sweep()).owners.length, 0, 'the first poll');
    await until('the end of the grace', async () => (await state()) === 'orphan');
    assert.equal((await sweeper.sweep()).ok, 1, 'the second poll');
  },
);

test('the time of a sweep is counted from its call, also where it waits for its turn', law, async t => {
  const pool = new Pool(t, server);
  const options = { maxAttempts: 2, retryDelayMs: 0 };
  const job = await pool.manager(options).open();
  await job.defer('fail', pool.ledger.path, 'a');
  await job.close();
  let begun = false;
  let end = (): void => {};
  const fail = () => {
    begun = true;
    return new Promise<void>(resolve => {
      end = resolve;
    });
  };
  const manager = pool.manager({ ...options, handlers: { ...handlers, fail: fail as never } });
  const first = manager.sweep();
  await until('the function', () => begun);
  const second = manager.sweep();
  const askedMs = performance.now();
  await until('a while', () => performance.now() - askedMs > 200);
  end();
  assert.equal((await first).ok, 1);
  assert.ok((await second).ms >= 200, String((await second).ms));
});

test('the death of a worker in a call that waits in the server is noticed on a Unix socket', law, async t => {
  const pool = new Pool(t, server);
  const host = encodeURIComponent(server.directory);
  const owner = await pool.owner({
    connection: `postgres://worker@/postgres?host=${host}&port=${server.port}`,
  });
  await server.lockOwner(t, owner.id);
  owner.defer('note', 'a').catch(() => {}); // it dies first
  const waits = `SELECT FROM pg_stat_activity WHERE application_name = 'deferred-sweep' AND wait_event_type = 'Lock'`;
  await until('the wait', async () => (await server.sql(waits)).length === 1);
  await owner.child.kill();
  const isHeld = 'SELECT FROM deferred_sweep.held_keys() WHERE deferred_sweep.hex_key(held) = $1';
  await until('the end of its session', async () => (await server.sql(isHeld, [owner.id])).length === 0);
});

test(
  'a manager connects also where pg is told to be another client, which is not installed',
  law,
  async t => {
    process.env.NODE_PG_FORCE_NATIVE = '1';
    t.after(() => delete process.env.NODE_PG_FORCE_NATIVE);
    const pool = new Pool(t, server);
    const job = await pool.manager().open();
    await job.defer('note', pool.ledger.path, 'a');
    assert.equal((await job.close()).ok, 1);
  },
);
