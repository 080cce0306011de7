import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startChild } from '../helpers/child.ts';
import { isLong, rounds, skipLong } from '../helpers/postgres/mode.ts';
import { type Owner, Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/postgres/until.ts';

const law = { skip: skipPostgres };
const long = { skip: skipPostgres || skipLong };
// The default, or less where it must be quick; a loop is blocked for nearly as long.
const restartGraceMs = isLong ? 15_000 : 4000;
const blockMs = restartGraceMs - 1000;
const graces = { graceMs: 500, restartGraceMs };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

async function restart(): Promise<void> {
  await server.stop('SIGINT');
  await server.boot();
}

/** One backend is killed; the server ends all others and starts again without its postmaster ending. */
async function crash(): Promise<void> {
  const before = await server.sql('SELECT deferred_sweep.current_incarnation() AS id');
  const [backend] = await server.sql('SELECT pid FROM deferred_sweep.held_keys() LIMIT 1');
  process.kill(Number(backend!.pid), 'SIGKILL');
  await until('the server again', async () => {
    try {
      const [now] = await server.sql('SELECT deferred_sweep.current_incarnation() AS id');
      return now!.id !== before[0]!.id;
    } catch {
      return false; // it takes no connections yet
    }
  });
}

/** The watch goes on until the longest grace is over, counted from now. */
async function watchThrough(t: TestContext, pool: Pool): Promise<() => Promise<void>> {
  const abort = new AbortController();
  const manager = pool.manager(graces);
  const watching = manager.watch({ intervalMs: 100, signal: abort.signal });
  t.after(() => abort.abort());
  return async () => {
    const startMs = performance.now();
    await until('the end of the grace', () => performance.now() - startMs > restartGraceMs + 1500);
    abort.abort();
    await watching;
  };
}

for (const [what, interrupt] of [
  ['restart', restart],
  ['crash', crash],
] as const) {
  test(
    `after a ${what} of the server no owner is taken whose event loop is blocked, and all go on`,
    what === 'crash' ? long : law,
    async t => {
      const pool = new Pool(t, server);
      const owners: Owner[] = [];
      for (let count = 0; count < rounds(2, 4, 40); count++) owners.push(await pool.owner(graces));
      await Promise.all(owners.map((owner, index) => owner.defer('note', `f${index}`)));
      const epochs = async () => (await pool.owners()).map(row => `${row.id} ${row.epoch}`).sort();
      const before = await epochs();
      const watchedThrough = await watchThrough(t, pool);
      for (const { child } of owners) child.send({ do: 'block', ms: blockMs });
      await interrupt();
      await watchedThrough();
      assert.deepEqual(await epochs(), before);
      assert.deepEqual(pool.ledger.entries(), []);
      for (const { child } of owners) {
        let message = await child.next<{ did: string }>();
        // A restart takes longer than half a grace: the signal has warned.
        while (message.did !== 'blocked') message = await child.next();
        child.send({ do: 'close' });
        let closed = await child.next<{ did: string; result: { ok: number } }>();
        while (closed.did !== 'closed') closed = await child.next();
        assert.equal(closed.result.ok, 1);
      }
      assert.equal(pool.ledger.names('end').length, owners.length);
    },
  );
}

test('an owner that died with the server is taken after the longer grace', law, async t => {
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 100, restartGraceMs: 1500 });
  await owner.defer('note', 'a');
  await server.stop('SIGINT');
  await owner.child.kill();
  await server.boot();
  const bootedMs = performance.now();
  const manager = pool.manager({ graceMs: 100, restartGraceMs: 1500 });
  await until('the take-over', async () => (await manager.sweep()).ok > 0);
  assert.ok(performance.now() - bootedMs >= 1500, 'not before the restart grace');
});

test('with its session on the main thread, the same owner is taken falsely', law, async t => {
  const pool = new Pool(t, server);
  const short = { graceMs: 200, restartGraceMs: 800 };
  const args = [JSON.stringify({ connection: server.url('worker'), pool: pool.name, ...short })];
  const child = startChild(t, 'postgres/main-thread-owner', { args });
  await child.next();
  const before = await pool.owners();
  const manager = pool.manager(short);
  child.send({ ms: 10_000 });
  await restart();
  await until(
    'the false take-over',
    async () => (await manager.sweep().catch(() => undefined))?.owners.length,
  );
  const alive = child.process.exitCode === null && child.process.signalCode === null;
  assert.ok(alive, 'the owner lives');
  assert.equal(before.length, 1);
});
