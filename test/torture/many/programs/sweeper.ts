/** A sweeper: one sweep after the other, as planned. argv: base, log, seed, number. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { thisProcess } from '../../../helpers/process-life.ts';
import { write } from '../log.ts';
import { planSweeper } from '../plan.ts';

process.on('disconnect', () => process.exit(1));
process.channel?.unref();
const [base, log, seed, number] = process.argv.slice(2);
const verbs = {
  sweep,
  cleanup: DeferredFunctionManager.cleanupWorker,
};
for (const { verb, options, abortAfterMs, pauseMs } of planSweeper(Number(seed), Number(number)).sweeps) {
  const signal = abortAfterMs === 0 ? undefined : AbortSignal.timeout(abortAfterMs);
  write(log!, thisProcess, { e: 'sweeping' });
  const { isComplete } = await verbs[verb](base!, { logger: null, ...options, signal });
  write(log!, thisProcess, { e: 'swept', isWhole: isComplete });
  await sleep(pauseMs);
}
write(log!, thisProcess, { e: 'killing', pid: process.pid });
process.exit(0);
