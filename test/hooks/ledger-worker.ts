/**
 * A program that writes what it does, and what is done for it, into a ledger in its state directory.
 * @param first - statements that it begins with
 */
export function ledgerWorker(first = ''): string {
  return `
import { appendFileSync } from 'node:fs';
import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
${first}
const ledger = process.env.DEFERRED_SWEEP_DIR + '/ledger';
const note = async (ledger, pid) => (await import('node:fs')).appendFileSync(ledger, 'cleaned up after ' + pid + ' as ' + process.geteuid() + '\\n');
const job = await new DeferredFunctionManager().open();
job.defer(note, ledger, process.pid);
appendFileSync(ledger, 'began ' + process.pid + '\\n');
setInterval(() => {}, 1000);
`;
}
