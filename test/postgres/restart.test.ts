import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { mainThreadOwner } from '../helpers/postgres/main-thread-owner.ts';
import { isLong, rounds, skipLong } from '../helpers/postgres/mode.ts';
import { type Owner, Pool, untilDid } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
const long = { skip: skipPostgres || skipLong };
// The default, or less where it must be quick.
const graces = { graceMs: 500, restartGraceMs: isLong ? 15_000 : 5000 };
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

for (const [what, interrupt] of [
  ['restart', restart],
  ['crash', crash],
] as const) {
  test(
    `after a ${what} of the server no owner is taken, its event loop blocked for the whole grace, unless its session is on the main thread`,
    what === 'crash' ? long : law,
    async t => {
      const [pool, control] = [new Pool(t, server), new Pool(t, server)];
      const options = { connection: server.url('worker'), ...graces };
      const owners: Owner[] = [];
      for (let count = 0; count < rounds(2, 6, 40); count++) owners.push(await pool.owner(graces));
      await Promise.all(owners.map((owner, index) => owner.defer('note', `f${index}`)));
      const falsely = await Promise.all(
        ['x', 'y'].slice(0, rounds(1, 2, 2)).map(name => mainThreadOwner(t, control, name, options)),
      );
      const epochs = async () => (await pool.owners()).map(row => `${row.id} ${row.epoch}`).sort();
      const before = await epochs();
      const abort = new AbortController();
      t.after(() => abort.abort());
      const managers = [pool, control].map(watched => watched.manager(graces));
      // Connected before the server stops: a watch that cannot connect at first is refused.
      await Promise.all(managers.map(manager => manager.sweep()));
      const watches = managers.map(manager => manager.watch({ intervalMs: 100, signal: abort.signal }));
      const path = join(freshDirectory(t), 'go-on');
      const blocked = [...owners.map(({ child }) => child), ...falsely];
      for (const child of blocked) child.send({ do: 'block', path });
      for (const child of blocked) await untilDid(child, 'blocking');

      await interrupt();
      // The longest grace, from here on; the same watch has then taken what it may take.
      await until(
        'the false take-overs',
        () => control.ledger.names('end').length === falsely.length,
        60_000,
      );
      assert.ok(
        falsely.every(child => child.process.exitCode === null),
        'those owners live',
      );
      assert.deepEqual(await epochs(), before);
      assert.deepEqual(pool.ledger.entries(), []);
      abort.abort();
      await Promise.all(watches);

      writeFileSync(path, '');
      for (const { child } of owners) {
        // A restart takes longer than half a grace: the signal has warned.
        await untilDid(child, 'blocked');
        child.send({ do: 'close' });
        const closed = await untilDid<{ did: string; result: { ok: number } }>(child, 'closed');
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

const noCompiler = spawnSync('gcc', ['--version']).error ? 'NOT TESTED: gcc is not installed' : false;

test('after a restart with a clock that is an hour behind, what was registered before runs at once', {
  skip: skipPostgres || noCompiler,
}, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager().open();
  await job.defer('note', pool.ledger.path, 'a');
  // Where the server's user may read it.
  const clock = join(server.directory, '..', 'late_clock.so');
  const source = join(packageRoot, 'test/helpers/postgres/late_clock.c');
  execFileSync('gcc', ['-Wall', '-Werror', '-fPIC', '-shared', source, '-o', clock]);
  await server.stop('SIGINT');
  await server.boot({ LD_PRELOAD: clock });
  t.after(restart);
  const [row] = await server.sql('SELECT clock_timestamp() AS now');
  assert.ok(Number(row!.now) < Date.now() - 3_000_000, String(row!.now));
  const { ok, pending } = await job.close();
  assert.deepEqual([ok, pending], [1, 0]);
});
