/**
 * A container that does not outlive its job for long: node container.mjs BASE [ENGINE]
 * ENGINE is a program that takes `run` and `rm` as docker and podman do.
 */
import { execFileSync } from 'node:child_process';
import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';

const [base, engine = 'docker'] = process.argv.slice(2);
// A name of our own choosing: with it the cleanup can be registered before the container exists.
const name = `job-${process.pid}-${Date.now()}`;

const manager = new DeferredFunctionManager(base);
const job = await manager.open();
try {
  job.defer(DeferredFunction.command(engine, ['rm', '-f', name]));
  execFileSync(engine, ['run', '-d', '--name', name, 'alpine', 'sleep', '3600'], { stdio: 'ignore' });
  console.log(`${name} runs; its cleanup is in ${job.path}`);
} finally {
  const report = await job.close();
  console.log(`${report.ok} done, ${report.failed} failed`);
  await manager.close();
}
