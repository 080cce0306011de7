/** A task of a thread, with a scratch directory of its own. A thread has its own manager: it shares nothing with others. */
import { randomUUID } from 'node:crypto';
import { promises } from 'node:fs';
import { join } from 'node:path';
import { DeferredFunctionManager } from 'deferred-sweep';

export default async function countLetters({ base, text, port }) {
  const manager = new DeferredFunctionManager(base);
  return await manager.run(async defer => {
    const scratch = join(base, `scratch-${randomUUID()}`);
    defer(promises.rm, scratch, { recursive: true, force: true });
    await promises.mkdir(scratch);
    port?.postMessage(scratch);
    while (text === undefined); // a loop that nobody meant to be endless
    return text.length;
  });
}
