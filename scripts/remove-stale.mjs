// Removes what was compiled of sources that are gone: node scripts/remove-stale.mjs SOURCES OUTPUT
// tsc leaves it, so that a moved module would be packed twice and a removed test would run on.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const [sources, output] = process.argv.slice(2);
// Made by bundle-cbor-x.mjs.
const OTHERS = ['value/cbor-x.cjs'];

if (existsSync(output)) {
  // With types, since without them the walk follows links: tests link this checkout into projects below dist-test.
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const name = relative(output, join(entry.parentPath, entry.name));
    const [, stem, kind] = /^(.*?)(?:\.d)?\.([cm]?)[jt]s(?:\.map)?$/.exec(name) ?? [];
    // Tests make projects of their own below dist-test.
    if (stem === undefined || OTHERS.includes(name) || name.startsWith('project-')) continue;
    if (!existsSync(join(sources, `${stem}.${kind}ts`))) rmSync(join(output, name), { force: true });
  }
}
