import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { hasCode } from '#dist/errors.js';
import { ClusterOperator, connectOnce } from '#dist/postgres/operate.js';
import { migrate } from '#dist/postgres/schema/migrate.js';
import { commandLinePath } from '../helpers/command-line.ts';
import { handlers } from '../helpers/postgres/handlers.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres, timeout: 60_000 };
const LIMIT_MS = 300;
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

/** A proxy behind which the server answers `answers` times, and never again. */
async function silentAfter(t: TestContext, answers: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(t, server);
  let left = answers;
  proxy.alterAnswer = data => (left-- > 0 ? data : Buffer.alloc(0));
  return proxy;
}

/** The verb against servers that fall silent earlier or later, until one answered it all. What it rejected with. */
async function rejections(
  t: TestContext,
  user: string,
  verb: (url: string) => Promise<unknown>,
): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let answers = 0; ; answers++) {
    const proxy = await silentAfter(t, answers);
    try {
      await verb(proxy.url(user));
      return errors;
    } catch (error) {
      errors.push(error);
    }
  }
}

test(
  'a retry ends within its limit wherever the server falls silent, and says whether it may be done',
  law,
  async t => {
    const errors = await rejections(t, 'operator', async url => {
      const operator = await ClusterOperator.connect(
        { connectionString: url },
        '"deferred_sweep"',
        'p',
        LIMIT_MS,
      );
      try {
        await operator.change('retry', { id: 'a1.1', name: 'note' });
      } finally {
        await operator.end();
      }
    });
    assert.ok(errors.length > 5, String(errors.length));
    const last = errors.pop();
    assert.ok(hasCode(last, 'DEFERRED_UNCERTAIN'), String(last));
    assert.match(String(last), /cannot retry a1\.1: .* within 300 ms; it may be done all the same: look/);
    for (const error of errors) assert.ok(hasCode(error, 'DEFERRED_DATABASE'), String(error));
  },
);

test(
  'a migration ends within its limit wherever the server falls silent, and done again it is whole',
  law,
  async t => {
    const migrated = async (url: string): Promise<number> => {
      const client = await connectOnce({ connectionString: url }, LIMIT_MS);
      try {
        return await migrate(client, '"halting"', { workers: [], operators: [] });
      } finally {
        void client.end();
      }
    };
    const errors = await rejections(t, 'postgres', migrated);
    assert.ok(errors.length > 8, String(errors.length));
    assert.equal(await migrated(server.url()), 1);
  },
);

test('cluster list ends with status 3 where the server is silent, also while it connects', law, async t => {
  const proxies = [await silentAfter(t, 0), await silentAfter(t, 2), await silentAfter(t, 3)];
  for (const proxy of proxies) {
    const args = ['cluster', 'list', '--pool', 'p', '--call-timeout', `${LIMIT_MS}ms`];
    const child = spawn(process.execPath, [commandLinePath, ...args], {
      env: { DEFERRED_SWEEP_POSTGRES: proxy.url('operator') },
      timeout: 10_000,
    });
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(status, 3, said);
    assert.match(said, /: 127\.0\.0\.1:\d+ did not answer within 300 ms; look at the server/);
  }
});

test('a list that was answered ends though the server does not end the connection', law, async t => {
  const proxy = await TcpProxy.start(t, server);
  const operator = await ClusterOperator.connect(
    { connectionString: proxy.url('operator') },
    '"deferred_sweep"',
    'p',
    LIMIT_MS,
  );
  assert.deepEqual(await operator.list(), []);
  proxy.freeze();
  await operator.end();
});

test('an operator without rights is told what was refused, and which command grants it', law, async () => {
  const operator = await ClusterOperator.connect(
    { connectionString: server.url('worker') },
    '"deferred_sweep"',
    'p',
    LIMIT_MS,
  );
  await assert.rejects(
    operator.list(),
    error =>
      hasCode(error, 'DEFERRED_DATABASE') &&
      /^cannot list pool p: permission denied .*--operator ROLE$/.test(error.message),
  );
  await operator.end();
});

/** A server that speaks German: the word for the severity is translated, the code is not. */
async function inGerman(t: TestContext): Promise<string> {
  const proxy = await TcpProxy.start(t, server);
  proxy.alterAnswer = data =>
    Buffer.from(data.toString('latin1').replaceAll('SWARNING', 'SWARNUNG'), 'latin1');
  return proxy.url();
}

async function withoutWarnings(t: TestContext): Promise<string> {
  await server.sql('ALTER ROLE worker SET client_min_messages = error');
  t.after(() => server.sql('ALTER ROLE worker RESET client_min_messages'));
  return server.url('worker');
}

for (const [index, [which, connect]] of (
  [
    ['a server', () => server.url('worker')],
    ['a server of another language', inGerman],
    ['a server whose role is told no warnings', withoutWarnings],
  ] as const
).entries())
  test(
    `a call that ${which} answers with a warning each time is tried with pauses, and says the warning`,
    law,
    async t => {
      const schema = `warning_${index}`;
      const client = await server.connect();
      await migrate(client, schema, { workers: ['worker'], operators: [] });
      await client.query(`
    CREATE SEQUENCE ${schema}.tries;
    CREATE FUNCTION ${schema}.warn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN PERFORM nextval('${schema}.tries'); RAISE WARNING 'the disk is old'; RETURN new; END $$;
    CREATE TRIGGER warn BEFORE INSERT ON ${schema}.functions FOR EACH ROW EXECUTE FUNCTION ${schema}.warn()`);
      const pool = new Pool(t, server);
      const job = await pool.manager({ connection: await connect(t), schema, callTimeoutMs: 2000 }).open();
      await assert.rejects(
        job.defer('note', pool.ledger.path, 'a'),
        error => hasCode(error, 'DEFERRED_UNCERTAIN') && error.message.includes('the disk is old'),
      );
      const { rows } = await client.query(`SELECT last_value AS tries FROM ${schema}.tries`);
      const tries = Number(rows[0]?.tries);
      assert.ok(tries > 2 && tries < 20, `${tries} tries`);
      // Its job ends all the same: what a warning says may be over by then.
      await client.query(`DROP TRIGGER warn ON ${schema}.functions`);
      await client.end();
      assert.equal((await job.close()).ok, 1);
    },
  );

test('calls that are too large together are refused at once, and the connection is kept', law, async t => {
  const pool = new Pool(t, server);
  const warnings: string[] = [];
  const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
  const job = await pool.manager({ logger }).open();
  const large = ['note', pool.ledger.path, 'x'.repeat(9 << 20)] as const;
  await assert.rejects(job.deferMany([large, large]), error => hasCode(error, 'DEFERRED_TOO_LARGE'));
  assert.equal((await job.deferMany([['note', pool.ledger.path, 'a']]))[0]?.id, 1);
  assert.equal((await job.close()).ok, 1);
  assert.deepEqual(
    warnings.filter(text => !text.includes('fsync')),
    [],
  );
});

test('what was never sent, because the connection ended before, is not told as uncertain', law, async t => {
  const connection = { connectionString: server.url('operator') };
  const operator = await ClusterOperator.connect(connection, '"deferred_sweep"', 'p', 60_000);
  t.after(() => operator.end());
  await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'operator'");
  // The server's last word may come before the end of the connection, and be the answer to a call.
  await until('the end of the connection', () =>
    operator.list().then(
      () => false,
      error => String(error).includes('the connection was lost before'),
    ),
  );
  await assert.rejects(operator.change('retry', { id: '1.1', name: 'note' }), {
    code: 'DEFERRED_DATABASE',
    message: /^cannot retry 1.1: the connection was lost before \(.+\); look at the server, and try again$/,
  });
});

test('the end of a job waits once for a server that is away, not for each of its calls', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const job = await pool.manager({ connection: proxy.url(), callTimeoutMs: 3000, graceMs: 100 }).open();
  await job.defer('note', pool.ledger.path, 'a');
  proxy.isDown = true;
  proxy.cut();
  await until('the loss', () => job.signal.aborted);
  const startMs = performance.now();
  const { owners } = await job.close();
  const ms = performance.now() - startMs;
  assert.equal(owners[0]?.error?.code, 'DEFERRED_DATABASE');
  assert.ok(ms > 2900 && ms < 5000, `${ms} ms`);
});

test('a job whose end had no turn in its time is let go of when it has one', law, async t => {
  const pool = new Pool(t, server);
  const manager = pool.manager({ callTimeoutMs: LIMIT_MS });
  const [busy, ending] = [await manager.open(), await manager.open()];
  await ending.defer('note', pool.ledger.path, 'a');
  const blocker = await server.lockOwner(t, busy.id);
  // As many as are on their way at once.
  const waits = Array.from({ length: 32 }, () =>
    assert.rejects(busy.defer('note', pool.ledger.path, 'b'), { code: 'DEFERRED_UNCERTAIN' }),
  );
  const { owners } = await ending.close();
  assert.equal(owners[0]?.error?.code, 'DEFERRED_DATABASE');
  await blocker.query('ROLLBACK');
  await Promise.all(waits);
  // The manager lives, and its session was never lost.
  await until('another that runs it', async () => (await pool.manager().sweep()).ok === 1);
  assert.deepEqual(pool.ledger.names('end'), ['a']);
});

test(
  'a function whose start is answered after the limit is run, and its attempt counts once',
  law,
  async t => {
    const pool = new Pool(t, server);
    const job = await pool.manager({ callTimeoutMs: LIMIT_MS, delivery: 'at-most-once' }).open();
    await job.defer('note', pool.ledger.path, 'a');
    const blocker = await server.lockOwner(t, job.id);
    const startMs = performance.now();
    const closed = job.close();
    await until('twice the limit', () => performance.now() - startMs > 2 * LIMIT_MS);
    await blocker.query('ROLLBACK');
    const { ok, owners } = await closed;
    assert.deepEqual([ok, owners[0]?.error], [1, undefined]);
  },
);

/** A schema in which a trigger refuses some writes, as a full disk does. */
async function refusing(schema: string, when: string, why = 'disk_full'): Promise<void> {
  const client = await server.connect();
  await migrate(client, `"${schema}"`, { workers: ['worker'], operators: [] });
  await client.query(`
    CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE 'not today' USING ERRCODE = '${why}'; END $$;
    CREATE TRIGGER refuse ${when} EXECUTE FUNCTION ${schema}.refuse()`);
  await client.end();
}

test('a job that cannot be opened leaves no lock in the server', law, async t => {
  await refusing('unopened', 'BEFORE INSERT ON unopened.owners FOR EACH ROW');
  const pool = new Pool(t, server);
  const manager = pool.manager({ schema: 'unopened' });
  const held = 'SELECT FROM deferred_sweep.held_keys()';
  const before = (await server.sql(held)).length;
  for (let count = 0; count < 3; count++)
    await assert.rejects(manager.open(), {
      code: 'DEFERRED_DATABASE',
      message: `cannot open a job in pool ${pool.name}: not today`,
    });
  assert.equal((await server.sql(held)).length, before);
});

test('a call that is undone by a deadlock each time says so', law, async t => {
  await refusing('deadlocked', 'BEFORE INSERT ON deadlocked.functions FOR EACH ROW', 'deadlock_detected');
  const pool = new Pool(t, server);
  const job = await pool.manager({ schema: 'deadlocked', callTimeoutMs: 1000 }).open();
  await assert.rejects(job.defer('note', pool.ledger.path, 'a'), {
    code: 'DEFERRED_UNCERTAIN',
    message: /: no answer without an error within 1000 ms, the last: not today;/,
  });
});

test('a function whose end was cancelled in the server is not run again', law, async t => {
  const pool = new Pool(t, server);
  const blocker = await server.connect();
  t.after(() => blocker.end());
  // From its start to its end, the function's row is another's.
  const note = async (): Promise<void> => {
    await blocker.query('BEGIN');
    await blocker.query('SELECT FROM deferred_sweep.functions FOR UPDATE');
  };
  const job = await pool.manager({ handlers: { ...handlers, note: note as never } }).open();
  await job.defer('note', pool.ledger.path, 'a');
  const closed = job.close();
  const waiting = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'worker' AND wait_event_type = 'Lock'`;
  await until('the wait', async () => (await server.sql(waiting)).length === 1);
  await blocker.query('ROLLBACK');
  const { ok, owners } = await closed;
  assert.deepEqual([ok, owners[0]?.error], [1, undefined]);
  assert.deepEqual(await pool.owners(), []);
});

test('a function that ran is not run again because the next may not start', law, async t => {
  const schema = 'unstarted';
  await refusing(schema, `BEFORE INSERT ON ${schema}.attempts FOR EACH ROW WHEN (new.id = 2)`);
  const pool = new Pool(t, server);
  const job = await pool.manager({ schema }).open();
  for (const name of ['a', 'b']) await job.defer('note', pool.ledger.path, name);
  const { ok, owners } = await job.close();
  assert.deepEqual([ok, owners[0]?.error?.message, owners[0]?.pending], [1, 'not today', 1]);
  await server.sql(`DROP TRIGGER refuse ON ${schema}.attempts`);
  assert.equal((await pool.manager({ schema }).sweep()).ok, 1);
  assert.deepEqual(pool.ledger.names('end'), ['a', 'b']);
});

test('an owner that cannot be taken is reported, and the others are run', law, async t => {
  const pool = new Pool(t, server);
  const schema = 'untaken';
  const taken = `BEFORE UPDATE ON ${schema}.owners FOR EACH ROW WHEN (new.label = 'bad' AND new.taken_at IS NOT NULL)`;
  await refusing(schema, taken);
  const options = { schema, maxAttempts: 3, retryDelayMs: 0 };
  for (const label of ['good', 'bad', 'good']) {
    const job = await pool.manager({ ...options, label }).open();
    await job.defer('fail', pool.ledger.path, label);
    assert.equal((await job.close()).pending, 1);
  }
  const { owners, failed } = await pool.manager({ ...options }).sweep();
  assert.deepEqual(
    [owners.map(({ outcome, error }) => [outcome, error?.message]).sort(), failed],
    [
      [
        ['ran', undefined],
        ['ran', undefined],
        ['refused', 'not today'],
      ],
      2,
    ],
  );
});

test('a function whose end the server does not take any more is reported all the same', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const note = (): void => {
    proxy.isDown = true;
    proxy.cut();
  };
  const options = { connection: proxy.url(), callTimeoutMs: 1000, handlers: { ...handlers, note } };
  const job = await pool.manager(options).open();
  for (const name of ['a', 'b']) await job.defer('note', pool.ledger.path, name);
  const { owners, isComplete } = await job.close();
  const [{ functions, error } = assert.fail('no owner')] = owners;
  assert.deepEqual(
    functions.map(({ id, outcome }) => [id, outcome]),
    [[1, 'ok']],
  );
  assert.deepEqual([error?.code, isComplete], ['DEFERRED_DATABASE', false]);
});
