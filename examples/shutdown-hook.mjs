/**
 * What a batch system calls when the last worker of a node has ended: node shutdown-hook.mjs BASE
 * The command `deferred-sweep cleanup BASE` does the same.
 */
import { DeferredFunctionManager, hasProblems } from 'deferred-sweep';

const report = await DeferredFunctionManager.cleanupWorker(process.argv[2], {
  deadlineMs: 30_000, // the node goes down soon, whatever we do
  logger: { info() {}, warn: message => console.error(message) },
});
console.log(`${report.ok} done, ${report.failed} failed, ${report.live} workers still alive`);
for (const file of report.files) {
  for (const ran of file.functions)
    if (ran.deadLetter) console.log(`given up: ${ran.name}, see ${ran.deadLetter}`);
}
process.exitCode = hasProblems(report) ? 1 : 0;
