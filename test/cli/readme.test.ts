import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { packageRoot } from '../helpers/command-line.ts';

test('README.md has every option of a manager and of a sweep, and no other', () => {
  const readme = readFileSync(`${packageRoot}README.md`, 'utf8');
  const optionsOf = (file: string, name: string): string[] => {
    const source = readFileSync(`${packageRoot}src/${file}`, 'utf8');
    const [, body = ''] = new RegExp(`^export interface ${name} .*?\\{\n(.*?)^\\}`, 'ms').exec(source) ?? [];
    return [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(match => match[1]!);
  };
  const wanted = new Set([
    ...optionsOf('job/options.ts', 'ManagerOptions'),
    ...optionsOf('sweep/options.ts', 'SweepOptions'),
  ]);
  assert.ok(wanted.size > 20);
  const [, tables = ''] = /^An unknown option is (.*?)^The tracing channels/ms.exec(readme) ?? [];
  const rows = [...tables.matchAll(/^\| `(\w+)` +\|/gm)].map(match => match[1]!);
  assert.deepEqual(rows.sort(), [...wanted].sort());
});
