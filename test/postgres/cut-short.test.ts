/** What the verbs say, and how they end, where they cannot go on. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { runCluster } from '#dist/cli/cluster/main.js';
import { UsageError } from '#dist/cli/exit.js';
import { DeferredSweepError } from '#dist/errors.js';
import { currentInvocation } from '#dist/postgres/index.js';
import type { ClusterLettersReport } from '#dist/postgres/letters.js';
import { hasClusterProblems } from '#dist/postgres/report.js';
import { commandLinePath } from '../helpers/command-line.ts';
import { freePort } from '../helpers/free-port.ts';
import { leaveRetried, runClusterCommandLine, writeHandlers } from '../helpers/postgres/command-line.ts';
import { handlers } from '../helpers/postgres/handlers.ts';
import { skipLong } from '../helpers/postgres/mode.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { silentServer } from '../helpers/postgres/silent-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres || skipLong };
let server: PostgresServer;

sharedServer(
  started => {
    server = started;
  },
  {},
  law.skip,
);

function cli(args: readonly string[], url = server.url('operator')) {
  return runClusterCommandLine(args, url);
}

function start(
  t: TestContext,
  args: readonly string[],
  url = server.url('operator'),
): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [commandLinePath, 'cluster', ...args], {
    env: { DEFERRED_SWEEP_POSTGRES: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** False once the first has been taken: the second ends the process. */
function catchesSigterm(pid: number): boolean {
  const [, caught] = /^SigCgt:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${caught}`) & (1n << 14n)) !== 0n;
}

/** So many statements wait for the lock of a row. */
function untilWaiting(count: number): Promise<boolean> {
  return until(`${count} waiting`, async () => {
    const waiting = await server.sql("SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted");
    return waiting.length === count;
  });
}

for (const verb of ['retry', 'discard'] as const)
  test(`a ${verb} of many that fails, or is stopped, midway tells what was done`, law, async t => {
    const pool = new Pool(t, server);
    const all = [verb, '--all', '--pool', pool.name, ...(verb === 'discard' ? ['--yes'] : [])];
    const job = await pool.manager({ maxAttempts: 1 }).open();
    await job.deferMany(['a', 'b', 'c', 'd'].map(name => ['fail', pool.ledger.path, name] as const));
    await job.close();
    const done = { retry: 'will be run by the next sweep', discard: 'discarded' }[verb];
    const blocker = await server.connect();
    t.after(() => blocker.end());
    const lock = async (id: number): Promise<void> => {
      await blocker.query('BEGIN');
      const text = 'SELECT FROM deferred_sweep.dead_letters WHERE pool = $1 AND id = $2 FOR UPDATE';
      await blocker.query(text, [pool.name, id]);
    };

    await lock(2);
    const cut = cli([...all, '--call-timeout', '1s']);
    assert.deepEqual([cut.status, cut.stdout], [3, `${job.id}.1 fail: ${done}\n`], cut.stderr);
    assert.match(cut.stderr, /stopped before the end: 1 of 4 /);
    assert.match(cut.stderr, new RegExp(`cannot ${verb} ${job.id}.2: .* may be done all the same`));
    await blocker.query('ROLLBACK');
    await untilWaiting(0);

    await lock(3);
    const stopped = start(t, [...all, '--json']);
    let text = '';
    stopped.stdout.on('data', (data: Buffer) => {
      text += data;
    });
    const closed = once(stopped, 'close');
    await untilWaiting(1);
    stopped.kill('SIGTERM');
    await until('the signal to be taken', () => !catchesSigterm(stopped.pid!));
    await blocker.query('ROLLBACK');
    assert.deepEqual(await closed, [1, null]);
    const report = JSON.parse(text) as ClusterLettersReport;
    assert.deepEqual([report.isComplete, report.letters.at(-1)?.id], [false, `${job.id}.3`]);
    assert.match(cli(['list', '--pool', pool.name, '--state', 'dead']).stdout, /^dead\t[0-9a-f]+\.4\t.*\n$/);
  });

for (const [body, why] of [
  ['export const handlers = { fail: () => process.exit(0) };', 'ended the process'],
  ['process.exit(0);', 'ended the process'],
  ['await new Promise(() => {});', 'waits for what never comes'],
])
  test(`a sweep that its handlers end is no sweep that is done: ${body}`, law, async t => {
    const pool = new Pool(t, server);
    const inPool = ['--pool', pool.name];
    await leaveRetried(pool, server.url('operator'));
    const sweep = ['sweep', ...inPool, '--handlers', writeHandlers(pool, body!)];
    const { status, stdout, stderr } = cli(sweep, server.url('worker'));
    assert.deepEqual([status, stdout], [1, ''], stderr);
    assert.match(
      stderr,
      new RegExp(`^deferred-sweep: cannot sweep pool ${pool.name} to the end: .*${why}`, 'm'),
    );
    assert.equal(cli(['list', ...inPool, '--exit-code']).status, 1, 'the function is there');
  });

test('what is wrong with the way to the database is said, with what to do, and status 3', law, async t => {
  const path = writeHandlers(new Pool(t, server), 'export const handlers = { fail() {} };');
  const sweep = ['sweep', '--pool', 'p', '--handlers', path];
  const forbidden = cli(sweep);
  assert.equal(forbidden.status, 3);
  assert.match(
    forbidden.stderr,
    /^deferred-sweep: cannot sweep pool p: permission denied .*; run 'deferred-sweep cluster migrate' with --worker ROLE$/m,
  );
  const noUrl = 'postgres://u:secret@127.0.0.1:999999/postgres';
  for (const args of [['list', '--pool', 'p'], ['migrate'], sweep]) {
    const { status, stdout, stderr } = cli(args, noUrl);
    assert.deepEqual([status, stdout], [3, ''], stderr);
    assert.match(stderr, /^deferred-sweep: .*cannot connect to PostgreSQL: Invalid URL; look at /);
    assert.doesNotMatch(stderr, /secret/);
  }
  for (const text of ['host=127.0.0.1 password=secret', 'localhost:5432/postgres', 'postgres']) {
    const { status, stderr } = cli(['list', '--pool', 'p'], text);
    assert.deepEqual(
      [status, /: the connection string is no URL as postgres:/.test(stderr)],
      [3, true],
      stderr,
    );
    assert.doesNotMatch(stderr, /secret/);
  }
});

test(
  'a handler that blocks a sweep for ever ends it after its limit, and another runs its function',
  law,
  async t => {
    const pool = new Pool(t, server);
    const inPool = ['--pool', pool.name];
    await leaveRetried(pool, server.url('operator'), { timeoutMs: 100 });
    const path = writeHandlers(
      pool,
      'export const handlers = { fail() { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); } };',
    );
    const child = start(t, ['sweep', ...inPool, '--handlers', path], server.url('worker'));
    const [said, [status, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.deepEqual([status, signal], [null, 'SIGKILL'], said);
    assert.match(said, /^deferred-sweep: cannot stop fail: it blocks the event loop, .* 100 ms; .*SIGKILL/m);
    const report = await until('the other', async () => {
      const swept = await pool.manager({ maxAttempts: 1 }).sweep();
      return swept.owners.length > 0 && swept;
    });
    assert.equal(report.owners[0]?.functions[0]?.error?.code, 'DEFERRED_CRASHED');
  },
);

test('a handler that was given up and blocks a watch later ends it, also between attempts', {
  ...law,
  timeout: 30_000,
}, async t => {
  const pool = new Pool(t, server);
  await leaveRetried(pool, server.url('operator'), { timeoutMs: 100 });
  const go = join(pool.ledger.path, '..', 'go');
  const path = writeHandlers(
    pool,
    `import { existsSync } from 'node:fs';
     export const handlers = { fail: () => new Promise(() => setInterval(() => {
       if (existsSync('${go}')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     }, 10)) };`,
  );
  const watch = ['watch', '--pool', pool.name, '--interval', '1h', '--handlers', path];
  const child = start(t, watch, server.url('worker'));
  const said = text(child.stderr);
  const exited = once(child, 'exit');
  const [report] = await once(child.stdout, 'data');
  assert.match(String(report), /fail: timed-out/);
  writeFileSync(go, '');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  assert.match(await said, /^deferred-sweep: cannot stop fail: it blocks the event loop/m);
});

test('a verb with --json that cannot connect prints the error as JSON', law, async () => {
  const nowhere = server.url('operator', await freePort());
  for (const args of [['list'], ['show', 'a1'], ['retry', '--all'], ['discard', '--all', '--yes']]) {
    const { status, stdout, stderr } = cli([...args, '--pool', 'p', '--json'], nowhere);
    const { pool, error } = JSON.parse(stdout) as { pool: string; error: { code: string } };
    assert.deepEqual([status, pool, error.code], [3, 'p', 'DEFERRED_DATABASE'], stderr);
  }
});

test('a server that asks for a password where there is none is told as that', law, async t => {
  const pool = new Pool(t, server);
  const path = join(server.directory, 'pg_hba.conf');
  const before = readFileSync(path, 'utf8');
  await server.sql(`SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'a'`);
  await server.sql(`CREATE ROLE scram LOGIN PASSWORD 'a'; CREATE ROLE password LOGIN PASSWORD 'a'`);
  const ways = { scram: 'scram-sha-256', md5: 'md5', password: 'password' };
  const lines = Object.entries(ways).map(([role, way]) => `host all ${role} 127.0.0.1/32 ${way}\n`);
  writeFileSync(path, lines.join('') + before);
  server.reload();
  for (const role of Object.keys(ways)) {
    const manager = pool.manager({ connection: server.url(role) });
    await until(`${role} to be asked`, () =>
      manager.open().then(
        () => false,
        (error: Error) => /: the server asks for a password, and none is given; look/.test(error.message),
      ),
    );
  }
});

test('a role that migrate cannot grant to is named, with what to do', law, () => {
  const { status, stderr } = cli(['migrate', '--schema', 'another', '--worker', 'nobody'], server.url());
  assert.equal(status, 3);
  assert.match(stderr, /: cannot migrate schema another: role "nobody" does not exist; make it first/);
});

for (const [verb, status] of [
  ['sweep', 1],
  ['watch', 0],
] as const)
  test(`a ${verb} that is stopped while it connects ends at once, and names the address`, law, async t => {
    const pool = new Pool(t, server);
    const { port, connected } = await silentServer(t);
    const path = writeHandlers(pool, 'export const handlers = { fail() {} };');
    const child = start(t, [verb, '--pool', pool.name, '--handlers', path], server.url('worker', port));
    await connected;
    const said = text(child.stderr);
    const closed = once(child, 'exit');
    const atMs = performance.now();
    child.kill('SIGINT');
    assert.deepEqual(await closed, [status, null]);
    assert.match(await said, new RegExp(`: stopped while connecting to 127.0.0.1:${port}, after \\d+ ms\n`));
    // A connection that is not answered is given up after 3 s.
    assert.ok(performance.now() - atMs < 2500, String(performance.now() - atMs));
  });

test(
  'a sweep whose deadline comes while it connects names the address, and how long it waited',
  law,
  async t => {
    const pool = new Pool(t, server);
    const { port } = await silentServer(t);
    const path = writeHandlers(pool, 'export const handlers = { fail() {} };');
    const sweep = ['sweep', '--pool', pool.name, '--handlers', path, '--deadline', '1s'];
    const child = start(t, sweep, server.url('worker', port));
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(status, 1, said);
    assert.match(said, new RegExp(`: stopped while connecting to 127.0.0.1:${port}, after \\d+ ms\n`));
  },
);

test('a watch whose onReport rejects ends with that', law, async t => {
  const pool = new Pool(t, server);
  await leaveRetried(pool, server.url('operator'));
  const thrown = new DeferredSweepError('DEFERRED_CLOSED', 'of the caller');
  const onReport = async (): Promise<void> => {
    throw thrown;
  };
  await assert.rejects(pool.manager().watch({ intervalMs: 10, onReport }), error => error === thrown);
});

test('a pool that no manager can have is wrong usage for every verb', async () => {
  const name = 'x'.repeat(201);
  for (const verb of [['list'], ['show', 'a1'], ['retry', '--all'], ['discard', '--all', '--yes']])
    await assert.rejects(runCluster([...verb, '--pool', name]), UsageError);
});

test(
  'what a connection that was away left undone is said by the sweep, and by the end of a job',
  law,
  async t => {
    const pool = new Pool(t, server);
    const proxy = await TcpProxy.start(t, server);
    // Away until this process may be taken for dead; nobody else takes the functions.
    const note = async (): Promise<void> => {
      const { signal } = currentInvocation()!;
      const lost = once(signal, 'abort');
      proxy.isDown = true;
      proxy.cut();
      await lost;
      proxy.isDown = false;
    };
    const options = { connection: proxy.url(), graceMs: 200, handlers: { ...handlers, note } };
    const job = await pool.manager(options).open();
    for (const name of ['a', 'b', 'c']) await job.defer('note', pool.ledger.path, name);
    const closed = await job.close();
    assert.deepEqual([closed.ok, closed.pending, closed.isComplete], [1, 2, false]);
    const swept = await until('the sweep', async () => {
      const report = await pool.manager(options).sweep();
      return report.owners.length > 0 && report;
    });
    assert.deepEqual([swept.ok, swept.pending], [1, 1]);
    for (const report of [closed, swept]) {
      assert.ok(hasClusterProblems(report));
      assert.equal(report.owners[0]?.error?.code, 'DEFERRED_OWNERSHIP_LOST');
    }
  },
);

test('a sweep whose connection is lost while it takes an owner has not come to its end', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const job = await pool.manager({ retryDelayMs: 0 }).open();
  await job.defer('fail', pool.ledger.path, 'a');
  assert.equal((await job.close()).pending, 1);
  const row = 'SELECT FROM deferred_sweep.owners WHERE pool = $1 FOR UPDATE';
  await server.lock(t, row, [pool.name]);
  const sweeping = pool.manager({ connection: proxy.url() }).sweep();
  await untilWaiting(1);
  proxy.cut();
  const { isComplete, owners } = await sweeping;
  assert.deepEqual([isComplete, owners], [false, []]);
});

test('a watch ends at a signal also where the server does not answer', law, async t => {
  const pool = new Pool(t, server);
  const proxy = await TcpProxy.start(t, server);
  const path = writeHandlers(pool, 'export const handlers = { fail() {} };');
  const watch = ['watch', '--pool', pool.name, '--handlers', path, '--call-timeout', '10m'];
  const child = start(t, [...watch, '--interval', '10ms'], proxy.url());
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said += data;
  });
  await until('it watches', () => said.includes('fsync is off'));
  proxy.isDown = true;
  proxy.freeze();
  // From here on it asks for orphans, and is not answered.
  await until('the loss', () => said.includes('the connection is lost'));
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await until('its end', () => child.exitCode !== null || child.signalCode !== null);
  assert.deepEqual(await exited, [0, null]);
});

test('a call that is not answered says why there is no connection any more', law, async t => {
  await server.sql('CREATE ROLE leaver LOGIN IN ROLE worker');
  const pool = new Pool(t, server);
  const job = await pool.manager({ connection: server.url('leaver'), callTimeoutMs: 2000 }).open();
  await server.sql('ALTER ROLE leaver NOLOGIN');
  await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'leaver'");
  await until('the loss', () => job.signal.aborted);
  await assert.rejects(job.defer('note', pool.ledger.path, 'a'), {
    code: 'DEFERRED_DATABASE',
    message:
      /: no answer of the server within 2000 ms, and no connection: .*leaver.* log in; nothing was done$/,
  });
  await server.sql('ALTER ROLE leaver LOGIN');
});
