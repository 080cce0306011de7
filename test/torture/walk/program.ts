/** `node program.js prepare|run SCENARIO BASE`: the process that is tortured, or the one that leaves it something to do. */
import { readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { descriptorsUnder } from './processes.ts';
import { load } from './scenario.ts';
import { Stage } from './stage.ts';

export const PROGRAM: string = fileURLToPath(import.meta.url);

const [, script, role, path, base] = process.argv;
if (script === PROGRAM && path !== undefined && base !== undefined) {
  const scenario = await load(path);
  // EFBIG instead of death, where the test limits the size of files.
  process.on('SIGXFSZ', () => {});
  if (role === 'prepare') {
    await scenario.prepare?.(new Stage(base));
  } else {
    writeSync(1, 'ready\n');
    // Here strace attaches: nothing of Node's own start is tortured.
    readSync(0, Buffer.alloc(1));
    await scenario.run(new Stage(base));
    for (const descriptor of descriptorsUnder(base, [process.pid])) writeSync(1, `open ${descriptor}\n`);
  }
}
