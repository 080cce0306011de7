/**
 * Loaded into a runner before anything that its owner was started with (the options are in order, and `--require` comes
 * before `--import`): a loader that hangs is ended by the kernel, too, should the sweeper be dead, and with it the lock.
 */
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { DeferredSweepError } from '../../errors.ts';
import { MAIN } from './protocol.ts';
import { watchFunction } from './watchdog.ts';

const [, program, limitMs, graceMs] = process.argv;
// Processes and threads that functions start may inherit our options; they are not ours to end.
if (isMainThread && program === MAIN) {
  process.argv.splice(2);
  const [option, path] = process.execArgv;
  if (option === '--require' && path === fileURLToPath(import.meta.url)) process.execArgv.splice(0, 2);
  try {
    watchFunction(Number(limitMs), Number(graceMs));
  } catch (error) {
    // Without the addon `main.ts` says so, of each file.
    if (!(error instanceof DeferredSweepError)) throw error;
  }
}
