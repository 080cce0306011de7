/** What `durability: 'disk'` adds, seen in the order of the system calls. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { straceMissing } from '../helpers/strace.ts';

const index = new URL('../../dist/index.js', import.meta.url).href;

const program = `
  import fs from 'node:fs';
  import { DeferredFunctionManager } from '${index}';
  const [base, durability] = process.argv.slice(1);
  const job = await new DeferredFunctionManager(base, { durability }).open();
  job.defer(fs.rmSync, '/nowhere', { force: true });
  fs.accessSync(base + '/registered');
`;

/** The names of the calls on state files until `defer` returned, in order. */
function callsUntilRegistered(base: string, durability: string): string[] {
  const trace = join(base, 'trace');
  spawnSync('strace', [
    ...['-f', '-qq', '-y', '-o', trace, '-e', 'trace=write,rename,fdatasync,fsync,access'],
    ...[process.execPath, '--input-type=module', '-e', program, base, durability],
  ]);
  const lines = readFileSync(trace, 'utf8').split('\n');
  const end = lines.findIndex(line => line.includes('/registered'));
  assert.notEqual(end, -1, 'defer returned');
  return lines
    .slice(0, end)
    .filter(line => line.includes(join(base, 'deferred')))
    .map(line => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? line);
}

test("with durability 'disk' the header, the name and the registration are on stable storage when defer returns", {
  skip: straceMissing,
}, t => {
  const calls = callsUntilRegistered(freshDirectory(t), 'disk');
  assert.deepEqual(calls, ['write', 'fdatasync', 'rename', 'fsync', 'write', 'fdatasync']);
});

test("with durability 'process' nothing waits for the disk", { skip: straceMissing }, t => {
  assert.deepEqual(callsUntilRegistered(freshDirectory(t), 'process'), ['write', 'rename', 'write']);
});
