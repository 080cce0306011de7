// Registers functions, then ends without close(). argv: build, base, functions, values.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [build, base, functions, values] = process.argv.slice(2);
const { DeferredFunction, DeferredFunctionManager } = await import(
  pathToFileURL(join(build, 'dist/index.js'))
);
const append = { module: 'node:fs', export: 'appendFileSync' };
const list = Array.from({ length: Number(values) }, (_, index) => `${index}`.padStart(9, '0'));
const job = await new DeferredFunctionManager(base, { logger: null }).open();
for (let count = 0; count < Number(functions); count++) {
  // appendFileSync takes no notice of a fourth argument.
  const more = list.length > 0 ? [{}, list] : [];
  job.defer(DeferredFunction.of(append, join(base, 'ledger'), '.', ...more));
}
process.exit();
