// Sweeps or lists once, and prints what came of it. argv: build, base, verb.
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import './tell-peak.cjs';

const [build, base, verb = 'sweep'] = process.argv.slice(2);
const { list, sweep } = await import(pathToFileURL(join(build, 'dist/index.js')));
const start = performance.now();
const report = verb === 'sweep' ? await sweep(base, { logger: null }) : await list(base);
const ms = performance.now() - start;
console.log(JSON.stringify({ ms, ok: report.ok, live: report.live }));
