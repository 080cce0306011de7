// Registers functions, then ends without close(). argv: build, base, functions, values.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nothing } from './functions.mjs';

const [build, base, functions, values] = process.argv.slice(2);
const { DeferredFunctionManager } = await import(pathToFileURL(join(build, 'dist/index.js')));
const list = Array.from({ length: Number(values) }, (_, index) => `${index}`.padStart(9, '0'));
const more = list.length > 0 ? [list] : [];
const job = await new DeferredFunctionManager(base, { logger: null }).open();
for (let n = 0; n < Number(functions); n++) job.defer(nothing, '/scratch/job-4711', 42, ...more);
process.exit();
