/** Programs and functions close standard streams. A state file that got such a number would take what they print. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { makeProject, runNode } from '../helpers/program.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';

const program = `
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { DeferredFunctionManager } from 'deferred-sweep';
closeSync(1);
const { BASE, LEDGER } = process.env;
const job = await new DeferredFunctionManager(BASE).open();
job.defer(appendFileSync, LEDGER, 'registered\\n');
openSync('/dev/null', 'w');
console.log('printed');
const child = spawn('sleep', ['100'], { stdio: ['ignore', 'inherit', 'ignore'], detached: true });
writeFileSync('child', String(child.pid));
process.kill(process.pid, 'SIGKILL');
`;

test('the state file of a program that closed its standard output takes nothing it prints, and no child gets the lock', async t => {
  const project = makeProject(t, { 'program.mjs': program });
  const { stderr, signal } = runNode(project, ['program.mjs']);
  assert.equal(signal, 'SIGKILL', stderr);
  const child = Number(readFileSync(join(project.directory, 'child'), 'utf8'));
  t.after(() => process.kill(child, 'SIGKILL'));
  const { files } = await sweep(project.base, { logger: null });
  assert.deepEqual(
    files.map(({ outcome, damagedBytes }) => [outcome, damagedBytes]),
    [['ran', undefined]],
  );
  assert.deepEqual(read(project.ledger), ['registered']);
});

const module = `data:text/javascript,${encodeURIComponent(`
  import { closeSync } from 'node:fs';
  export const close = fd => closeSync(fd);
  export function printAndDie() {
    console.log('to standard output');
    console.error('to standard error');
    process.kill(process.pid, 'SIGKILL');
  }`)}`;

for (const fd of [1, 2])
  test(`a function that closes descriptor ${fd} of its runner damages no file of another owner`, async t => {
    const { base, put } = stateBase(t);
    const call = (what: string, ...args: number[]) =>
      deferOf(1, args, { name: what, function: encode({ kind: 'module', module, export: what }) });
    put(Buffer.concat(framesOf(headerOf(), call('close', fd))), 'func1');
    put(Buffer.concat(framesOf(headerOf(), call('printAndDie'))), 'func2');
    const { files } = await sweep(base, { logger: null });
    assert.deepEqual(
      files.map(({ functions, damagedBytes }) => [functions[0]?.outcome, damagedBytes]),
      [
        ['ok', undefined],
        ['crashed', undefined],
      ],
    );
  });
