import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from '../helpers/child.ts';
import type { Entry } from '../helpers/postgres/ledger.ts';
import { rounds, skipLong } from '../helpers/postgres/mode.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
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

test(
  'whatever sessions end and workers die, nothing is lost, run though cancelled, or run by two living runners',
  law,
  async t => {
    const pool = new Pool(t, server);
    const options = {
      connection: server.url('worker'),
      pool: pool.name,
      graceMs: 1500,
      retryDelayMs: 10,
      maxAttempts: 100,
    };
    const args = [JSON.stringify({ options, ledger: pool.ledger.path })];
    const start = async (): Promise<Child> => {
      const child = startChild(t, 'postgres/churner', { args });
      await child.next();
      return child;
    };
    const abort = new AbortController();
    const sweepers = [1, 2, 3].map(() => pool.manager(options));
    // Connected before the first end of a session: a manager that never was connected gives up.
    await Promise.all(sweepers.map(sweeper => sweeper.sweep()));
    const watches = sweepers.map(sweeper => sweeper.watch({ intervalMs: 100, signal: abort.signal }));
    const churners = await Promise.all([start(), start(), start()]);
    const endMs = performance.now() + rounds(1500, 25_000, 120_000);
    let terminated = 0;
    // On a slow machine as long as it takes until there is something to look at.
    const isTest = () => terminated > 5 && new Set(pool.ledger.names('registered')).size > 10;
    while (performance.now() < endMs || (!isTest() && performance.now() < endMs + 60_000)) {
      await sleep(randomInt(50, 250));
      const stopped = await server.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'worker' ORDER BY random() LIMIT 1`,
      );
      terminated += stopped.length;
      if (randomInt(10) > 0) continue;
      const index = randomInt(churners.length);
      await churners[index]!.kill();
      pool.ledger.note('killed', String(churners[index]!.pid));
      churners[index] = await start();
    }
    for (const churner of churners) {
      await churner.kill();
      pool.ledger.note('killed', String(churner.pid));
    }
    // However slow the machine is, something must go on.
    let ended = -1;
    while ((await pool.owners()).length > 0) {
      const before = ended;
      const isFurther = async () => {
        ended = pool.ledger.names('end').length;
        return ended > before || (await pool.owners()).length === 0;
      };
      await until(`progress, or the end, of ${JSON.stringify(await pool.owners())}`, isFurther, 60_000);
    }
    abort.abort();
    await Promise.all(watches);

    const entries = pool.ledger.entries();
    const names = (what: string) =>
      new Set(entries.filter(entry => entry.what === what).map(({ name }) => name));
    const [registered, done, cancelling] = [names('registered'), names('end'), names('cancelling')];
    const lost = [...registered].filter(name => !done.has(name) && !cancelling.has(name));
    assert.deepEqual(lost, [], 'lost');
    const cancelled = names('cancelled');
    const ran = entries.filter(({ what, name }) => what === 'start' && cancelled.has(name));
    assert.deepEqual(ran, [], 'run though cancelled');
    assert.deepEqual(overlaps(entries), [], 'overlapping');
    const starts = entries.filter(({ what }) => what === 'start').length;
    t.diagnostic(
      `${terminated} sessions ended, ${registered.size} registered, ${cancelled.size} cancelled, ${starts - names('start').size} repeated`,
    );
    assert.ok(isTest(), 'it was a test');
  },
);

/** Functions that began while another living process ran them. */
function overlaps(entries: readonly Entry[]): string[] {
  const running = new Map<string, Entry>();
  const found: string[] = [];
  for (const entry of entries) {
    const { what, name, pid } = entry;
    if (what === 'killed') {
      for (const [key, runner] of running) if (String(runner.pid) === name) running.delete(key);
    } else if (what === 'start') {
      const other = running.get(name);
      // The moment between a kill and its note is the test's.
      if (other !== undefined && isAlive(entries, other)) found.push(`${name}: ${other.pid} and ${pid}`);
      running.set(name, entry);
    } else if (what === 'end') running.delete(name);
  }
  return found;
}

function isAlive(entries: readonly Entry[], runner: Entry): boolean {
  const killed = entries.find(({ what, name }) => what === 'killed' && name === String(runner.pid));
  return killed === undefined;
}
