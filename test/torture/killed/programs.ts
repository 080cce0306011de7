/** The programs that are killed: `node programs.js worker BASE`, `node programs.js orphan BASE`. */
import { accessSync, appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeferredFunctionManager } from '#dist/index.js';

export const PROGRAMS: string = fileURLToPath(import.meta.url);
/** Touched by the worker when it begins. */
export const BEGIN = 'begin';

const [, script, program, base] = process.argv;
if (script === PROGRAMS && base !== undefined) await (program === 'worker' ? worker(base) : orphan(base));

/** Two jobs, each with three functions and a cancelled one; says on a file of its own what was acknowledged. */
async function worker(base: string): Promise<void> {
  const tell = (text: string): void => appendFileSync(join(base, 'told'), `${text}\n`);
  const manager = new DeferredFunctionManager(base, { logger: null });
  writeFileSync(join(base, BEGIN), '');
  accessSync(join(base, BEGIN));
  for (const job of [1, 2]) {
    const open = await manager.open();
    for (const number of [1, 2, 3, 4]) {
      const name = `${job}.${number}`;
      const registration = open.defer(appendFileSync, join(base, 'ledger'), `${name}\n`);
      tell(`deferred ${name}`);
      if (number < 4) continue;
      tell(`cancelling ${name}`);
      registration.cancel();
      tell(`cancelled ${name}`);
    }
    await open.close();
  }
  await manager.close();
}

/** Leaves an orphan with three functions and one that fails. */
async function orphan(base: string): Promise<void> {
  const job = await new DeferredFunctionManager(base, { logger: null }).open();
  for (const name of ['1', '2', '3']) {
    job.defer(appendFileSync, join(base, 'ledger'), `${name}\n`);
    appendFileSync(join(base, 'told'), `deferred ${name}\n`);
  }
  job.defer(readFileSync, join(base, 'missing'));
  process.kill(process.pid, 'SIGKILL');
}
