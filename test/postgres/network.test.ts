import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFull, skipLong } from '../helpers/postgres/mode.ts';
import { type Cut, Namespace, skipNamespaces } from '../helpers/postgres/namespace.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const skip = skipPostgres || skipLong || skipNamespaces;
let server: PostgresServer;

sharedServer(
  started => {
    server = started;
  },
  { address: '0.0.0.0' },
  skip,
);

const IS_HELD = `SELECT 1 FROM deferred_sweep.held_keys() WHERE deferred_sweep.hex_key(held) = $1`;

// Each takes a quarter of a minute of waiting: all at once.
describe('a worker whose network fails', { concurrency: true }, () => {
  const cuts: readonly Cut[] = ['both ways', 'to the server', 'from the server', 'link down'];
  for (const cut of cuts) {
    for (const isBusy of isFull || cut === 'both ways' ? [false, true] : [cut === 'from the server']) {
      test(`${cut}, ${isBusy ? 'busy' : 'idle'}: it knows before it is taken over, within 12 s, and is fenced when it is back`, {
        skip,
      }, async t => {
        const pool = new Pool(t, server);
        const machine = new Namespace(t);
        const connection = `postgres://worker@${machine.address}:${server.port}/postgres`;
        const owner = await pool.owner({ connection, callTimeoutMs: 60_000 }, machine.under);
        await owner.defer('note', 'a');
        const messages: { did: string; error?: string; atMs?: number }[] = [];
        const collect = (async () => {
          while (!messages.some(({ did }) => did === 'collected')) messages.push(await owner.child.next());
        })().catch(() => {}); // the child ends with the test
        const manager = pool.manager();
        const abort = new AbortController();
        const watching = manager.watch({ intervalMs: 250, signal: abort.signal });
        const call = ['note', pool.ledger.path, 'busy'];
        const traffic = setInterval(() => isBusy && owner.child.send({ do: 'defer', call }), 50);
        t.after(() => clearInterval(traffic));

        const observer = await server.connect();
        t.after(() => observer.end());
        const cutMs = performance.timeOrigin + performance.now();
        machine.cut(cut);
        // The last moment at which it was asked for and still held: a busy machine answers late.
        let freedMs = cutMs;
        await until('the server frees the lock', async () => {
          const askedMs = performance.timeOrigin + performance.now();
          const { rows } = await observer.query(IS_HELD, [owner.id]);
          if (rows.length > 0) freedMs = askedMs;
          return rows.length === 0;
        });
        clearInterval(traffic);
        const [first] = await until('the take-over', () => {
          const started = pool.ledger.entries().filter(({ name, what }) => name === 'a' && what === 'start');
          return started.length > 0 && started;
        });
        const aborted = await until('the abort', () => messages.find(({ did }) => did === 'aborted'));
        t.diagnostic(
          `freed after ${seconds(freedMs - cutMs)}, unsure for half a grace after ${seconds(aborted.atMs! - cutMs)}, taken after ${seconds(first!.atMs - cutMs)}`,
        );
        assert.ok(freedMs - cutMs < 12_000 + 500, 'freed within 12 s');
        assert.ok(aborted.atMs! < first!.atMs, 'the signal comes first');

        machine.heal(cut);
        owner.child.send({ do: 'defer', call: ['note', pool.ledger.path, 'late'] });
        await until('the answer to the late one', () => messages.at(-1)?.error === 'DEFERRED_OWNERSHIP_LOST');
        abort.abort();
        await watching;
        assert.ok(!pool.ledger.names('start').includes('late'));
        await owner.child.kill();
        await collect;
      });
    }
  }
});

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
