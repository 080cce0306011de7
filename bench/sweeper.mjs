// Sweeps or lists once. argv: build, base, verb.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import './tell-peak.cjs';

const [build, base, verb] = process.argv.slice(2);
const { list, sweep } = await import(pathToFileURL(join(build, 'dist/index.js')));
if (verb === 'sweep') await sweep(base, { logger: null });
else await list?.(base);
