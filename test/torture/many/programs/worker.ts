/** A worker and, as its worker threads, the same again. argv: base, log, seed, number, the addon that forks or nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { thisProcess } from '../../../helpers/process-life.ts';
import { nameThread, write } from '../log.ts';
import { planWorker, type ThreadPlan } from '../plan.ts';
import { type Place, runThread } from './owner.ts';

interface ThreadData {
  readonly place: Place;
  readonly name: string;
  readonly plan: ThreadPlan;
}

if (isMainThread) {
  // The test is gone.
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
  const [base, log, seed, number, forker] = process.argv.slice(2);
  const place = { base: base!, log: log!, forker: forker === '' ? undefined : forker };
  const plan = planWorker(Number(seed), Number(number));
  const threads = plan.threads.map((thread, index) =>
    runWorkerThread(place, `${number}.${index + 1}`, thread),
  );
  await runThread(place, `${number}.0`, plan.main);
  await Promise.all(threads);
  write(place.log, thisProcess, { e: 'killing', pid: process.pid });
  process.exit(0);
} else {
  const { place, name, plan } = workerData as ThreadData;
  await runThread(place, name, plan);
  write(place.log, thisProcess, { e: 'ending', thread: nameThread(thisProcess) });
}

async function runWorkerThread(place: Place, name: string, plan: ThreadPlan): Promise<void> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { place, name, plan } });
  // Planned: it may throw, and goes without the rest of us.
  worker.on('error', () => {});
  const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  if (plan.terminateAfterMs !== undefined) {
    await Promise.race([sleep(plan.terminateAfterMs), ended]);
    if (worker.threadId > 0) {
      write(place.log, thisProcess, { e: 'ending', thread: nameThread(thisProcess, worker.threadId) });
      await worker.terminate();
    }
  }
  await ended;
}
