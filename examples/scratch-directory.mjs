/**
 * A job with a scratch directory: node scratch-directory.mjs [BASE]
 * Where the syntax `await using job = await manager.open()` is to be had, it does what `run` does here.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, promises } from 'node:fs';
import { join } from 'node:path';
import { DeferredFunctionManager } from 'deferred-sweep';

const [base = 'node-state'] = process.argv.slice(2);
const scratch = join(base, `scratch-${randomUUID()}`); // never a name that a cleanup of before may know

const manager = new DeferredFunctionManager(base, { label: 'scratch example' });
const lines = await manager.run(async defer => {
  // The cleanup first, then the thing: a death between the two lines costs nothing.
  defer(promises.rm, scratch, { recursive: true, force: true });
  await promises.mkdir(scratch);

  await promises.writeFile(join(scratch, 'input.txt'), 'one\ntwo\nthree\n');
  const text = await promises.readFile(join(scratch, 'input.txt'), 'utf8');
  return text.trim().split('\n').length;
});
await manager.close();

console.log(
  `counted ${lines} lines; the scratch directory is ${existsSync(scratch) ? 'still there' : 'gone'}`,
);
