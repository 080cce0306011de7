/**
 * What does the cluster store cost? Opening, registering, running, a poll over a thousand owners, a session's memory.
 * Needs Debian's package postgresql: node bench/cluster.mjs, after npm run build && npm run build:test
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ClusterManager } from 'deferred-sweep/postgres';
import { PostgresServer, skipPostgres } from '../dist-test/helpers/postgres/server.js';
import { printMachine } from './function-report.mjs';

if (skipPostgres) throw new Error(skipPostgres);
printMachine();
// With fsync: what users have.
const server = await PostgresServer.start({ settings: ['fsync = on', 'max_connections = 300'] });
await server.migrate();
const options = { connection: server.url('worker'), pool: 'bench', logger: null, handlers: { nothing() {} } };

function tell(what, samples) {
  samples.sort((a, b) => a - b);
  const at = part => samples[Math.min(samples.length - 1, Math.floor(part * samples.length))].toFixed(1);
  console.log(`${what}: median ${at(0.5)} ms, p95 ${at(0.95)}, worst ${at(1)} (n = ${samples.length})`);
}

async function timed(times, body) {
  const samples = [];
  for (let n = 0; n < times; n++) {
    const startMs = performance.now();
    await body(n);
    samples.push(performance.now() - startMs);
  }
  return samples;
}

const managers = [];
tell(
  'open a manager and its first job (thread, connection, checks)',
  await timed(20, async () => {
    const manager = new ClusterManager(options);
    managers.push(manager);
    await manager.open();
  }),
);
await Promise.all(managers.map(manager => manager.close()));

const manager = new ClusterManager(options);
tell('open another job', await timed(100, async () => void (await (await manager.open()).close())));
const job = await manager.open();
tell('defer', await timed(300, () => job.defer('nothing', 'an argument')));
const hundred = Array.from({ length: 100 }, () => ['nothing', 'an argument']);
tell('deferMany of 100', await timed(30, () => job.deferMany(hundred)));
const registration = [];
for (let n = 0; n < 100; n++) registration.push(await job.defer('nothing'));
tell('cancel', await timed(100, n => registration[n].cancel()));
const startMs = performance.now();
const report = await job.close();
console.log(
  `run ${report.ok} functions: ${((performance.now() - startMs) / report.ok).toFixed(2)} ms each, marks included`,
);

// A thousand owners on one session, none of them due: what each poll reads.
for (let n = 0; n < 1000; n++) await (await manager.open()).defer('nothing');
const client = await server.connect('worker');
const poll = () => client.query(`SELECT * FROM deferred_sweep.orphans('bench', '{nothing}', 20)`);
tell('poll over 1,000 live owners', await timed(100, poll));
await client.end();

// Memory of sessions that do nothing but hold a lock and answer a ping.
const pss = pid => Number(/^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
const clients = [];
for (let n = 0; n < 200; n++) {
  const one = await server.connect('worker');
  await one.query(`SELECT deferred_sweep.open_owner('bench', NULL, 'h', 1, NULL, 'fifo', 1, 1)`);
  clients.push(one);
}
const total = clients.reduce((sum, one) => sum + pss(one.processID), 0);
console.log(
  `a session: ${(total / clients.length / 1024).toFixed(1)} MiB of the server (Pss, n = ${clients.length})`,
);
await Promise.all(clients.map(one => one.end()));
await server.end();
// 1,000 open jobs need not be closed one by one.
process.exit();
