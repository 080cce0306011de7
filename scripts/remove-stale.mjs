// Removes what was compiled of sources that are gone: node scripts/remove-stale.mjs SOURCES OUTPUT
// tsc leaves it, so that a moved module would be packed twice and a removed test would run on.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [sources, output] = process.argv.slice(2);
// Made by bundle-cbor-x.mjs.
const OTHERS = ['value/cbor-x.cjs'];

if (existsSync(output)) {
  for (const name of readdirSync(output, { recursive: true, encoding: 'utf8' })) {
    const [, stem, kind] = /^(.*?)(?:\.d)?\.([cm]?)[jt]s(?:\.map)?$/.exec(name) ?? [];
    // Tests make projects of their own below dist-test.
    if (stem === undefined || OTHERS.includes(name) || name.startsWith('project-')) continue;
    if (!existsSync(join(sources, `${stem}.${kind}ts`))) rmSync(join(output, name), { force: true });
  }
}
