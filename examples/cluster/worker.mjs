// A worker that uses a cloud machine. Whatever happens to this process, or to the whole computer it runs on, a sweeper
// of the pool terminates the machine: DEFERRED_SWEEP_POSTGRES=postgres://… node worker.mjs
import { once } from 'node:events';
import { ClusterManager } from 'deferred-sweep/postgres';
import { handlers } from './handlers.mjs';

const cloud = process.env.CLOUD_URL ?? 'http://127.0.0.1:8080';
const manager = new ClusterManager({
  connection: process.env.DEFERRED_SWEEP_POSTGRES,
  pool: 'machines',
  label: `worker ${process.pid}`,
  graceMs: 2000,
  handlers,
});

await manager.run(async (defer, job) => {
  const name = `machine-${job.id}`;
  await defer('terminateMachine', name); // first, so that it is never there without its cleanup
  await fetch(`${cloud}/${name}`, { method: 'PUT', signal: job.signal });
  console.log(`uses ${name}`);
  // Work goes here. When job.signal is aborted, another process may be terminating the machine.
  if (!process.argv.includes('--forever')) return;
  const stay = setInterval(() => {}, 60_000);
  await once(job.signal, 'abort');
  console.log('stops: it may have been declared dead');
  await defer('terminateMachine', 'another').catch(error => console.log(`may not go on: ${error.code}`));
  clearInterval(stay);
});
await manager.close();
