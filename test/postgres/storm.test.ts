import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Child, startChild } from '../helpers/child.ts';
import { Ledger } from '../helpers/postgres/ledger.ts';
import { isFull, rounds, skipLong } from '../helpers/postgres/mode.ts';
import { type Owner, Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(
  started => {
    server = started;
  },
  { settings: ['max_connections = 300'] },
);

test(
  'whenever a worker is killed after its registration, another process runs it, once: none is lost by a ledger beside the store',
  law,
  async t => {
    const pool = new Pool(t, server);
    const graces = { graceMs: 500 };
    const intervalMs = 250;
    const manager = pool.manager(graces);
    const abort = new AbortController();
    const watching = manager.watch({ intervalMs, signal: abort.signal });
    const waits: number[] = [];
    const total = rounds(6, 45, 201);
    for (let round = 0; round < total; round += 3) {
      const owners: Owner[] = await Promise.all([0, 1, 2].map(() => pool.owner(graces)));
      await Promise.all(owners.map((owner, index) => owner.defer('note', `f${round + index}`)));
      for (const [index, owner] of owners.entries()) {
        await owner.child.kill();
        new Ledger(pool.ledger.path).note('killed', `f${round + index}`);
      }
      await until('the functions', () => pool.ledger.names('end').length === round + 3);
    }
    abort.abort();
    await watching;
    const at = new Map(pool.ledger.entries().map(({ what, name, atMs }) => [`${what} ${name}`, atMs]));
    for (let index = 0; index < total; index++)
      waits.push(at.get(`start f${index}`)! - at.get(`killed f${index}`)!);
    waits.sort((a, b) => a - b);
    t.diagnostic(
      `${total} kills: median ${waits[total >> 1]!.toFixed()} ms, worst ${waits.at(-1)!.toFixed()} ms`,
    );
    assert.equal(new Set(pool.ledger.names('start')).size, total);
    assert.equal(pool.ledger.names('start').length, total);
  },
);

test('of many owners killed at once each function runs once, and none of the living', {
  skip: skipPostgres || skipLong,
}, async t => {
  const pool = new Pool(t, server);
  const ledger = pool.ledger.path;
  const processes = rounds(2, 6, 10);
  const [managers, jobs] = isFull ? [10, 10] : [3, rounds(5, 10, 10)];
  const options = { connection: server.url('worker'), pool: pool.name, graceMs: 1000 };
  const children: Child[] = [];
  for (let index = 0; index < processes; index++) {
    const args = [
      JSON.stringify({ options, managers, jobs, ledger, prefix: index % 2 ? 'lives' : `dies${index}` }),
    ];
    children.push(startChild(t, 'postgres/many-owners', { args }));
  }
  await Promise.all(children.map(child => child.next()));
  const [memory] = await server.sql('SELECT count(*) AS owners FROM deferred_sweep.owners WHERE pool = $1', [
    pool.name,
  ]);
  assert.equal(Number(memory!.owners), processes * managers * jobs);
  const killedMs = performance.now();
  const dying = children.filter((_, index) => index % 2 === 0);
  await Promise.all(dying.map(child => child.kill()));
  const abort = new AbortController();
  const sweepers = Array.from({ length: rounds(3, 10, 20) }, () => pool.manager({ graceMs: 1000 }));
  const watches = sweepers.map(sweeper => sweeper.watch({ intervalMs: 250, signal: abort.signal }));
  const due = dying.length * managers * jobs * 3;
  await until('all functions', () => pool.ledger.names('end').length >= due, isFull ? 300_000 : 60_000);
  const allMs = performance.now() - killedMs;
  abort.abort();
  await Promise.all(watches);
  const started = pool.ledger.names('start');
  assert.equal(started.length, due);
  assert.equal(new Set(started).size, due);
  assert.ok(started.every(name => name.startsWith('dies')));
  t.diagnostic(
    `${processes * managers * jobs} owners, ${due} functions of ${dying.length * managers * jobs} killed ones by ${sweepers.length} sweepers: all ${allMs.toFixed()} ms`,
  );
});
