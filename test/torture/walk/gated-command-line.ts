/** The command line in a user's process, which waits at a gate until strace has attached to it. */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const GATED_COMMAND_LINE: string = fileURLToPath(import.meta.url);

const base = process.argv.at(-1);
if (process.argv[1] === GATED_COMMAND_LINE && base !== undefined) {
  // Loaded before it is traced: how Node reads modules differs from run to run.
  await Promise.all([import('#dist/cli/verbs/sweep.js'), import('#dist/cli/verbs/help.js')]);
  writeFileSync(join(base, '..', 'runner-pid'), String(process.pid));
  const gate = openSync(join(base, '..', 'gate'), 'r');
  readSync(gate, Buffer.alloc(1));
  closeSync(gate);
  await import(new URL('../../../dist/cli/main.js', import.meta.url).href);
}
