/** What is bundled: three kinds of functions are deferred, then the program is killed. node program.js BASE */
import { promises } from 'node:fs';
import { join } from 'node:path';
import { DeferredFunctionManager } from 'deferred-sweep';
import { tidy } from './tidy.js';

async function main(base) {
  const job = await new DeferredFunctionManager(base).open();
  const note = 'captured';
  job.defer(promises.rm, join(base, 'scratch'), { recursive: true, force: true });
  job.defer(tidy, base);
  job.defer(
    async path => (await import(/* webpackIgnore: true */ 'node:fs')).writeFileSync(path, note),
    join(base, 'note'),
  );
  await promises.mkdir(join(base, 'scratch'));
  process.kill(process.pid, 'SIGKILL');
}

void main(process.argv[2]);
