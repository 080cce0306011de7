/** What does the cluster store cost? Opening, registering, running, a poll over a thousand owners, a session's memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { PostgresServer, skipPostgres } from '../../dist-test/helpers/postgres/server.js';
import { timedOnce } from '../harness.mjs';

export const about = {
  title: 'What the cluster store costs',
  unit: 'ms',
  text: 'A PostgreSQL server of its own on the same machine, with fsync. Opening a manager starts a thread and two connections. The floor is one committed INSERT of a row of 200 bytes.',
};

export async function measure(run) {
  if (skipPostgres) return skipPostgres;
  const [{ directory }] = run.builds;
  const { ClusterManager } = await import(pathToFileURL(join(directory, 'dist/postgres/index.js')));
  // With fsync: what users have.
  const server = await PostgresServer.start({ settings: ['fsync = on', 'max_connections = 300'] });
  try {
    await server.migrate();
    const options = {
      connection: server.url('worker'),
      pool: 'bench',
      logger: null,
      handlers: { nothing() {} },
    };
    await measureJobs(run, server, () => new ClusterManager(options));
    await measureSessions(run, server);
  } finally {
    await server.end();
  }
}

async function measureJobs(run, server, newManager) {
  const client = await server.connect('worker');
  const superuser = await server.connect();
  await superuser.query('CREATE TABLE floor (row text)');
  const manager = newManager();
  const job = await manager.open();
  const hundred = Array.from({ length: 100 }, () => ['nothing', 'an argument']);
  const candidates = {
    floor: () => timedOnce(() => superuser.query(`INSERT INTO floor VALUES (repeat('x', 200))`)),
    'open and close a manager': async () => {
      const another = newManager();
      return timedOnce(async () => {
        await another.open();
        await another.close();
      });
    },
    'open and close another job': () => timedOnce(async () => (await manager.open()).close()),
    'defer, committed': () => timedOnce(() => job.defer('nothing', 'an argument')),
    'deferMany of 100': () => timedOnce(() => job.deferMany(hundred)),
    cancel: async () => {
      const registration = await job.defer('nothing');
      return timedOnce(() => registration.cancel());
    },
    'run an own function, both marks': async () => {
      const one = await manager.open();
      for (let n = 0; n < 10; n++) await one.defer('nothing');
      const start = performance.now();
      await one.close();
      return (performance.now() - start) / 10;
    },
  };
  await run.byTurns(candidates, { rounds: 30 });

  // Owners on one session, none of them due: what each poll reads.
  const owners = run.count(1000, 10);
  for (let n = 0; n < owners; n++) await (await manager.open()).defer('nothing');
  const poll = () => client.query(`SELECT * FROM deferred_sweep.orphans('bench', '{nothing}', 20)`);
  await run.byTurns({ [`one poll over ${owners} live owners`]: () => timedOnce(poll) }, { rounds: 100 });
  await client.end();
  await superuser.end();
}

/** Memory of sessions that do nothing but hold a lock and answer a ping. */
async function measureSessions(run, server) {
  const clients = [];
  for (let n = 0; n < run.count(200, 2); n++) {
    const one = await server.connect('worker');
    await one.query(`SELECT deferred_sweep.open_owner('bench', NULL, 'h', 1, NULL, 'fifo', 1, 1)`);
    clients.push(one);
  }
  const sizes = clients.map(one => pssOf(one.processID));
  run.add('a session on the server', sizes, undefined, { unit: 'MiB' });
  await Promise.all(clients.map(one => one.end()));
}

function pssOf(pid) {
  return Number(/^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) / 1024;
}
