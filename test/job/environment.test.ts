/** The variables of the option `env` at the end of a function's own job: as they were at its registration, as for an orphan's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read } from '../helpers/calls.ts';
import { makeProject, runNode } from '../helpers/program.ts';

const head = `
  import { appendFileSync } from 'node:fs';
  import { DeferredFunctionManager } from 'deferred-sweep';
  const look = async ledger => {
    const { ONE, TWO, NONE } = process.env;
    (await import('node:fs')).appendFileSync(ledger, JSON.stringify([ONE, TWO, NONE]) + '\\n');
  };
  Object.assign(process.env, { ONE: 'one', TWO: '' });
  const manager = new DeferredFunctionManager(process.env.BASE, { logger: null, env: ['ONE', 'TWO', 'NONE'] });
  const job = await manager.open();
  const registration = job.defer(look, process.env.LEDGER);
`;

for (const [what, change] of [
  ['sets another value', "process.env.ONE = 'other'"],
  ['removes one', 'delete process.env.TWO'],
  ['sets one that was not there', "process.env.NONE = ''"],
  ['changes nothing', ''],
] as const)
  test(`a function finds the variables of its registration where its program ${what} before the end of the job`, t => {
    const project = makeProject(t, {
      'main.mjs': `${head}
        ${change};
        const after = JSON.stringify(process.env);
        const { ok, pending, files } = await job.close();
        console.log(ok, pending, files.length, JSON.stringify(process.env) === after);`,
    });
    const { stdout, stderr } = runNode(project, ['main.mjs']);
    assert.equal(stdout, '1 0 1 true\n', stderr);
    assert.deepEqual(read(project.ledger), ['["one","",null]']);
  });

test('run() refuses where a variable has another value; the end of the job runs the function', t => {
  const project = makeProject(t, {
    'main.mjs': `${head}
      process.env.ONE = 'other';
      const code = await registration.run().catch(error => error.code);
      console.log(code, (await job.close()).ok);`,
  });
  const { stdout, stderr } = runNode(project, ['main.mjs']);
  assert.equal(stdout, 'DEFERRED_UNSUPPORTED 1\n', stderr);
  assert.deepEqual(read(project.ledger), ['["one","",null]']);
});
