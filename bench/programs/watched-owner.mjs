// Defers a function that says when it began, and waits for its death. argv: build, base, file to say it in.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { noteStart } from './functions.mjs';

const [build, base, started] = process.argv.slice(2);
const { DeferredFunctionManager } = await import(pathToFileURL(join(build, 'dist/index.js')));
const job = await new DeferredFunctionManager(base, { logger: null }).open({ sweep: 'none' });
job.defer(noteStart, started);
process.on('disconnect', () => process.exit());
process.send(job.path);
