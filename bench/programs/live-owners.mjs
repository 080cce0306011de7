// Opens jobs and keeps them open until its parent is gone. argv: build, base, number of jobs.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nothing } from './functions.mjs';

const [build, base, count] = process.argv.slice(2);
const { DeferredFunctionManager } = await import(pathToFileURL(join(build, 'dist/index.js')));
const manager = new DeferredFunctionManager(base, { logger: null });
for (let n = 0; n < Number(count); n++) (await manager.open({ sweep: 'none' })).defer(nothing);
process.on('disconnect', () => process.exit());
process.send('open');
