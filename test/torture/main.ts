/** `npm run test:torture -- [--minutes N] [PART…]`: runs the parts, bounded by the minutes, and prints what was tried. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MINUTES } from './budget.ts';
import { formatRows, readRows, TABLE } from './table.ts';

const { values, positionals: parts } = parseArgs({
  options: { minutes: { type: 'string' } },
  allowPositionals: true,
});
if (values.minutes !== undefined && !(Number(values.minutes) > 0))
  throw new Error('--minutes takes a number');

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter(
    name => name.endsWith('.test.js') && (parts.length === 0 || parts.includes(name.split('/')[0] ?? '')),
  )
  .sort();
if (files.length === 0) throw new Error(`no such part: ${parts.join(', ')}`);

const scratch = mkdtempSync(join(tmpdir(), 'torture-table-'));
const table = join(scratch, 'rows');
writeFileSync(table, '');
const { status } = spawnSync(
  process.execPath,
  // One file at a time: the parts load the machine themselves, and their times are their own.
  [
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=1',
    ...files.map(name => join(import.meta.dirname, name)),
  ],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      // Each Node would read these at its start, which takes longer than the rest of it.
      NODE_EXTRA_CA_CERTS: undefined,
      [TABLE]: table,
      ...(values.minutes === undefined ? {} : { [MINUTES]: values.minutes }),
    },
  },
);
console.log(`\n${formatRows(readRows(table))}`);
rmSync(scratch, { recursive: true });
process.exitCode = status ?? 1;
