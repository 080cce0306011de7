import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { baseOfKilledWorker } from '../helpers/command-line.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';

test('what an orphan changes of its process, the directory included, the next one does not find', async t => {
  const base = baseOfKilledWorker(
    t,
    `async function look(path) {
       const { appendFileSync } = await import('node:fs');
       const { PATH, ADDED } = process.env;
       appendFileSync(path, JSON.stringify([process.cwd(), process.umask(), PATH, ADDED]) + '\\n');
     }
     job.defer(look, base + '/seen');
     job.defer(async function change(gone) {
       const { rmdirSync } = await import('node:fs');
       process.chdir(gone);
       rmdirSync(gone);
       process.umask(0o777);
       delete process.env.PATH;
       process.env.ADDED = 'added';
     }, base + '/gone');
     job.defer(look, base + '/seen');`,
  );
  mkdirSync(join(base, 'gone'));
  assert.equal((await sweep(base)).ok, 3);
  const [before, after] = readFileSync(join(base, 'seen'), 'utf8').split('\n');
  assert.equal(after, before);
});

test('variables that one function captured, set or deleted, the next one does not find so', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const module = `data:text/javascript,${encodeURIComponent(`
    import { appendFileSync } from 'node:fs';
    export function look(path, ...changes) {
      process.env.NUMBER = 1;
      const { env } = process;
      appendFileSync(path, [env.ONE, env.TWO, Object.hasOwn(env, 'valueOf'), typeof env.NUMBER].join() + '\\n');
      for (const [name, value] of changes)
        if (name === 'process.env') process.env = { ONE: value };
        else if (value === null) delete process.env[name];
        else process.env[name] = value;
    }`)}`;
  const look = encode({ kind: 'module', module, export: 'look' });
  const records = [
    deferOf(1, [ledger], { function: look }),
    deferOf(2, [ledger], { function: look, env: { ONE: 'captured', TWO: null } }),
    deferOf(3, [ledger, ['ONE', 'set'], ['TWO', null], ['valueOf', 'set']], { function: look }),
    deferOf(4, [ledger, ['ONE', '2']], { function: look }),
    deferOf(5, [ledger, ['ONE', null]], { function: look }),
    deferOf(6, [ledger, ['process.env', 'another']], { function: look }),
    deferOf(7, [ledger], { function: look }),
  ];
  put(Buffer.concat(framesOf(headerOf(), ...records)));
  const { ONE, TWO } = process.env;
  t.after(() => {
    for (const [name, value] of Object.entries({ ONE, TWO }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  Object.assign(process.env, { ONE: '1', TWO: '2' });
  assert.equal((await sweep(base, { logger: null })).ok, 7);
  const first = '1,2,false,string';
  assert.deepEqual(read(ledger), [first, 'captured,,false,string', first, first, first, first, first]);
});
