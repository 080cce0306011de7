/** What `durability: 'disk'` adds, seen in the order of the system calls. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { straceMissing } from '../helpers/strace.ts';

const index = new URL('../../dist/index.js', import.meta.url).href;

const program = `
  import fs from 'node:fs';
  import { DeferredFunctionManager } from '${index}';
  const [base, durability] = process.argv.slice(1);
  const manager = new DeferredFunctionManager(base + '/a/b', { durability, logger: null, maxAttempts: 1 });
  const job = await manager.open();
  job.defer(fs.rmSync, '/nowhere', { force: true });
  fs.accessSync(base + '/registered');
  await job.close();
  const next = await manager.open();
  next.defer(fs.rmSync, '/nowhere');
  fs.accessSync(base + '/registered');
  await next.close();
  fs.accessSync(base + '/registered');
`;

/**
 * The calls below the base until the first `defer` returned, until the second one, in a job that used the file again, and
 * until that function had failed for good: their names, and those of directories.
 */
function callsOf(base: string, durability: string): string[][] {
  const trace = join(base, 'trace');
  mkdirSync(join(base, 'a'));
  writeFileSync(join(base, 'registered'), '');
  spawnSync('strace', [
    ...['-f', '-qq', '-y', '-o', trace, '-e', 'trace=write,rename,unlink,ftruncate,fdatasync,fsync,access'],
    ...[process.execPath, '--input-type=module', '-e', program, base, durability],
  ]);
  const parts: string[][] = [[]];
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    if (line.includes('/registered')) parts.push([]);
    const call = /^\d+ +(\w+)\(/.exec(line)?.[1];
    if (call === undefined || call === 'access' || !line.includes(join(base, 'a'))) continue;
    const directory = /fsync\(\d+<(.*)\/([^/]+)>\)/.exec(line)?.[2];
    parts.at(-1)!.push(directory?.match(/^(a|b|deferred|dead)$/) ? `${call} ${directory}` : call);
  }
  return parts;
}

test("with durability 'disk' the header, every name on the way, and the registration are on stable storage when defer returns", {
  skip: straceMissing,
}, t => {
  const [first] = callsOf(freshDirectory(t), 'disk');
  assert.deepEqual(first, [
    ...['write', 'fdatasync', 'rename'],
    ...['fsync deferred', 'fsync b', 'fsync a'],
    ...['write', 'fdatasync'],
  ]);
});

test("with durability 'disk' the next job has a fresh file: a power cut may do a truncation by halves", {
  skip: straceMissing,
}, t => {
  const [, second] = callsOf(freshDirectory(t), 'disk');
  assert.deepEqual(second, [
    ...['write', 'fdatasync', 'write', 'fdatasync', 'unlink'],
    ...['write', 'fdatasync', 'rename', 'fsync deferred', 'fsync b'],
    ...['write', 'fdatasync'],
  ]);
});

test('a dead letter and the directory of dead letters are on stable storage before the mark that makes it final', {
  skip: straceMissing,
}, t => {
  const [, , third] = callsOf(freshDirectory(t), 'process');
  const letter = ['write', 'fsync', 'rename', 'fsync dead', 'fsync deferred'];
  assert.deepEqual(third?.slice(0, -1), ['write', 'write', ...letter, 'write']);
});

test("with durability 'process' nothing waits for the disk", { skip: straceMissing }, t => {
  const [first, second] = callsOf(freshDirectory(t), 'process');
  assert.deepEqual(first, ['write', 'rename', 'write']);
  assert.deepEqual(second, ['write', 'write', 'ftruncate', 'write']);
});
