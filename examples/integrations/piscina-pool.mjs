/**
 * A pool of threads of which one is ended in the middle of its task: node piscina-pool.mjs BASE
 * A thread's jobs end with the thread: their locks are dropped, though the process lives.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { sweep } from 'deferred-sweep';
import { Piscina } from 'piscina';

const base = process.argv[2];
const pool = new Piscina({ filename: new URL('piscina-task.mjs', import.meta.url).href, maxThreads: 1 });
console.log(`counted ${await pool.run({ base, text: 'seven letters' })}`);

const { port1, port2 } = new MessageChannel();
const controller = new AbortController();
const stuck = pool.run({ base, port: port2 }, { signal: controller.signal, transferList: [port2] });
const [scratch] = await once(port1, 'message');
console.log(`stuck, with ${existsSync(scratch) ? 'a' : 'no'} scratch directory`);
controller.abort(); // the pool ends the thread
await stuck.catch(error => console.log(error.name));
await pool.destroy();

const report = await sweep(base, { waitMs: 10_000 });
console.log(`${report.ok} done; the directory is ${existsSync(scratch) ? 'still there' : 'gone'}`);
