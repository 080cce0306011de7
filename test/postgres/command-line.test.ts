import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { runCluster } from '#dist/cli/cluster/main.js';
import { UsageError } from '#dist/cli/exit.js';
import type { ClusterListReport } from '#dist/postgres/listed-owner.js';
import { commandLinePath } from '../helpers/command-line.ts';
import { leaveRetried, runClusterCommandLine, writeHandlers } from '../helpers/postgres/command-line.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
const noScript = spawnSync('script', ['--version']).error ? 'NOT TESTED: script(1) is missing' : false;
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

function cli(args: readonly string[], user = 'operator') {
  return runClusterCommandLine(args, server.url(user));
}

/** A module with the handler `fail`. */
function handlersFile(pool: Pool, body: string): string {
  return writeHandlers(pool, `export const handlers = { fail(path, name) { ${body} } };\n`);
}

test('migrate makes the schema and says so once; the roles it grants can use it', law, async () => {
  await server.sql('CREATE ROLE ops LOGIN');
  const schema = ['--schema', 'another'];
  assert.equal(cli(['list', '--pool', 'p', ...schema], 'ops').status, 3, 'no schema yet');
  const migrate = ['migrate', ...schema, '--operator', 'ops'];
  assert.equal(cli(migrate, 'ops').status, 3, 'an operator may not migrate');
  assert.match(cli(migrate, 'postgres').stdout, /^schema another: version 0 to \d+\n$/);
  assert.match(cli(migrate, 'postgres').stdout, /^schema another has version \d+ already\n$/);
  const { status, stdout } = cli(['list', '--pool', 'p', ...schema], 'ops');
  assert.deepEqual([status, stdout], [0, ''], 'a pipe gets no heading');
});

test('an owner is listed that was opened before the clock of the server was set back', law, async t => {
  const pool = new Pool(t, server);
  await pool.manager().open();
  await server.sql(
    `UPDATE deferred_sweep.owners SET opened_at = clock_timestamp() + interval '1 hour' WHERE pool = $1`,
    [pool.name],
  );
  const [owner] = (JSON.parse(cli(['list', '--pool', pool.name, '--json']).stdout) as ClusterListReport)
    .owners;
  assert.equal(owner?.ageMs, 0);
});

test('wrong usage is refused before anything is connected, with status 2', async () => {
  const inPool = ['--pool', 'p'];
  for (const wrong of [
    [],
    ['lsit'],
    ['list'],
    ['list', ...inPool, 'a1'],
    ['list', ...inPool, '--x'],
    ['list', ...inPool, '--handlers', 'h.mjs'],
    ['list', ...inPool, '--state', 'held'],
    ['list', ...inPool, '--older', 'soon'],
    ['list', ...inPool, '--schema', 'A; DROP'],
    ['sweep', ...inPool],
    ['watch', ...inPool, '--handlers', 'h.mjs', '--interval', '1'],
    ['show', ...inPool],
    ['show', ...inPool, '../x'],
    ['retry', ...inPool],
    ['retry', ...inPool, 'a1', '--all'],
    ['discard', ...inPool, 'a1', '--name', 'n'],
  ]) {
    await assert.rejects(runCluster(wrong), UsageError, wrong.join(' '));
  }
  const { status, stderr } = spawnSync(process.execPath, [commandLinePath, 'cluster', 'lsit'], {
    encoding: 'utf8',
  });
  assert.deepEqual([status, /cluster --help/.test(stderr)], [2, true]);
  const unloadable = ['cluster', 'sweep', ...inPool, '--handlers', '/nowhere.mjs'];
  assert.equal(spawnSync(process.execPath, [commandLinePath, ...unloadable]).status, 2);
});

test(
  'a dead letter is listed and shown as one of the file store, given its attempts again, run, or discarded',
  law,
  async t => {
    const pool = new Pool(t, server);
    const inPool = ['--pool', pool.name];
    const job = await pool.manager({ maxAttempts: 1, label: 'build \u001b[31m7' }).open();
    await job.defer('fail', pool.ledger.path, 'a', 'no\u001b[2Jroom');
    await job.defer('fail', pool.ledger.path, 'b');
    await job.close();

    const listed = cli(['list', ...inPool, '--state', 'dead', '--exit-code']);
    assert.equal(listed.status, 1, listed.stderr);
    const [first = '', ...others] = listed.stdout.split('\n');
    const [state, id = '', user, owner, , todo, tries, next, label, note] = first.split('\t');
    assert.deepEqual([state, user, todo, tries, others.length], ['dead', '-', '1', '1/1', 2]);
    assert.ok(`${job.id}.1`.startsWith(id.split('.')[0]!) && id.endsWith('.1'), id);
    assert.match(owner!, new RegExp(`:${process.pid}$`));
    assert.match(next!, /^fail "/);
    assert.deepEqual([label, note], ['build \\u001b[31m7', 'no\\u001b[2Jroom']);

    const shown = cli(['show', ...inPool, `${job.id.slice(0, 12)}.2`]).stdout;
    assert.match(
      shown,
      /^[0-9a-f]{16}\.2 {2}dead letter: given up after 1 of 1 attempts\n(.*\n)*.*the cloud is away\n/,
    );
    assert.match(shown, /again +deferred-sweep cluster retry [0-9a-f]{16}\.2 --pool/);
    assert.equal(cli(['show', ...inPool, '0.9']).status, 1);

    assert.equal(cli(['discard', ...inPool, `${job.id}.1`]).status, 2, 'nobody to ask');
    assert.equal(cli(['discard', ...inPool, `${job.id}.1`, '--yes']).status, 0);
    assert.equal(cli(['retry', ...inPool, `${job.id}.1`]).status, 1);
    const retried = cli(['retry', ...inPool, '--all', '--name', 'fail', '--json']);
    assert.deepEqual(JSON.parse(retried.stdout).letters, [
      { id: `${job.id}.2`, name: 'fail', outcome: 'retried' },
    ]);
    const handlers = handlersFile(pool, "console.log('undone ' + name);");
    const swept = cli(['sweep', ...inPool, '--handlers', handlers], 'worker');
    assert.equal(swept.status, 0, swept.stderr);
    assert.match(swept.stderr, /^undone b$/m, 'what handlers print is apart from the report');
    assert.match(
      swept.stdout,
      /^[0-9a-f]{16} of pid .*: ran\n {2}fail: ok \(attempt 1, .*\n.*: 1 done, 0 failed, 0 left for later\n$/,
    );
    assert.equal(cli(['list', ...inPool, '--exit-code']).status, 0);
  },
);

test('an owner that is gone is listed as an orphan after its grace where nothing sweeps', law, async t => {
  const pool = new Pool(t, server);
  const alarm = ['list', '--pool', pool.name, '--state', 'orphan,dead', '--exit-code'];
  const owner = await pool.owner({ graceMs: 500 });
  await owner.defer('note', 'a');
  assert.equal(cli(alarm).status, 0, 'its owner lives');
  await owner.child.kill();
  await until('the alarm', () => cli(alarm).status === 1);
  assert.match(cli(alarm).stdout, /^orphan\t/);
});

for (const [title, body, options] of [
  ['the module of handlers keeps a timer', 'setInterval(() => {}, 1e6);', {}],
  [
    'a handler is given up after its timeout',
    'return new Promise(() => setInterval(() => {}, 1e6));',
    { timeoutMs: 100 },
  ],
] as const)
  test(`a sweep ends, its report printed, where ${title}`, law, async t => {
    const pool = new Pool(t, server);
    const inPool = ['--pool', pool.name];
    await leaveRetried(pool, server.url('operator'), options);
    const { status, stdout } = cli(['sweep', ...inPool, '--handlers', handlersFile(pool, body)], 'worker');
    const isGivenUp = 'timeoutMs' in options;
    assert.equal(status, isGivenUp ? 1 : 0, stdout);
    assert.match(stdout, isGivenUp ? /: 0 done, 1 failed, / : /: 1 done, 0 failed, /);
  });

test('a sweep with a deadline begins no function after it, and says so', law, async t => {
  const pool = new Pool(t, server);
  const inPool = ['--pool', pool.name];
  await leaveRetried(pool, server.url('operator'));
  const handlers = handlersFile(pool, "console.log('undone ' + name);");
  // Connecting takes longer.
  const args = ['sweep', ...inPool, '--handlers', handlers];
  const stopped = cli([...args, '--deadline', '1ms'], 'worker');
  assert.equal(stopped.status, 1, stopped.stderr);
  assert.match(stopped.stdout, /: 0 done, 0 failed, 0 left for later, stopped before the end\n$/);
  assert.match(cli([...args, '--deadline', '10m'], 'worker').stdout, /: 1 done, 0 failed/);
});

test('discard asked on a terminal and answered with a no removes nothing, and says that', {
  skip: skipPostgres || noScript,
}, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager({ maxAttempts: 1 }).open();
  await job.defer('fail', pool.ledger.path, 'a');
  await job.close();
  const command = `'${process.execPath}' '${commandLinePath}' cluster discard --all --pool '${pool.name}'`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { DEFERRED_SWEEP_POSTGRES: server.url('operator'), PATH: process.env.PATH },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  let isAsked = false;
  for await (const more of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += more;
    // Behind the question the terminal is told where the cursor is.
    if (isAsked || !text.includes('[y/N] ')) continue;
    isAsked = true;
    child.stdin.write('n\n');
  }
  if (child.exitCode === null) await once(child, 'close');
  assert.equal(child.exitCode, 1, 'what was named is not done');
  assert.match(text, /^deferred-sweep: nothing was removed\r?$/m);
  assert.doesNotMatch(text, /is meant/);
  assert.equal(cli(['list', '--pool', pool.name, '--exit-code']).status, 1);
});

test('what a handler throws reaches the terminal escaped, as text and as JSON', law, async t => {
  const pool = new Pool(t, server);
  const inPool = ['--pool', pool.name];
  const owner = await pool.owner({ graceMs: 0, retryDelayMs: 0 });
  await owner.defer('fail', 'a');
  await owner.child.kill();
  const handlers = handlersFile(pool, "throw new Error('red \\u001b[31m \\u202e \\u009b');");
  const sweep = ['sweep', ...inPool, '--handlers', handlers];
  // One sweep may see the session that is just ending.
  let swept = cli([...sweep, '--json'], 'worker');
  while (swept.status === 0) swept = cli([...sweep, '--json'], 'worker');
  assert.equal(swept.status, 1);
  const [ran] = JSON.parse(swept.stdout).owners[0].functions;
  assert.equal(ran.error.message, 'red \u001b[31m \u202e \u009b', 'it parses to what was thrown');
  await server.sql('UPDATE deferred_sweep.functions SET next_at = now()');
  const watch = spawn(process.execPath, [commandLinePath, 'cluster', 'watch', ...sweep.slice(1)], {
    env: { DEFERRED_SWEEP_POSTGRES: server.url('worker') },
  });
  t.after(() => watch.kill('SIGKILL'));
  let text = '';
  for (const stream of [watch.stdout, watch.stderr])
    stream.on('data', (data: Buffer) => {
      text += data;
    });
  const seen = /red \\u001b\[31m \\u202e \\u009b/g;
  await until('the report, and the warning', () => (text.match(seen) ?? []).length === 2);
  watch.kill('SIGTERM');
  assert.deepEqual(await once(watch, 'exit'), [0, null]);
  const unsafe = ['\u001b', '\u009b', '\u202e'];
  for (const output of [swept.stdout, swept.stderr, text])
    assert.ok(!unsafe.some(character => output.includes(character)), JSON.stringify(output));
});

test("with --quiet the server's warnings are told where something failed, and only there", law, async t => {
  const pool = new Pool(t, server);
  const sweep = ['sweep', '--pool', pool.name, '--handlers', handlersFile(pool, '')];
  assert.match(cli(sweep, 'worker').stderr, /fsync is off/);
  const { status, stdout, stderr } = cli([...sweep, '--quiet'], 'worker');
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  await leaveRetried(pool, server.url('operator'));
  handlersFile(pool, "throw new Error('no');");
  const failed = cli([...sweep, '--quiet'], 'worker');
  assert.equal(failed.status, 1, failed.stdout);
  assert.match(failed.stderr, /fsync is off/);
});

test('a database that cannot be used is status 3 and a line of JSON, with --exit-zero 0', law, async t => {
  const handlers = handlersFile(new Pool(t, server), '');
  const sweep = ['sweep', '--pool', 'p', '--handlers', handlers, '--json'];
  const { status, stdout, stderr } = cli(sweep, 'operator');
  assert.equal(status, 3, stderr);
  assert.equal(JSON.parse(stdout).pool, 'p');
  assert.match(stderr, /^deferred-sweep: cannot sweep pool p: /m);
  assert.equal(cli([...sweep, '--exit-zero'], 'operator').status, 0);
});

test('the function of a live job is listed as such and cannot be discarded', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager({ label: 'x' }).open();
  await job.defer('note', pool.ledger.path, 'a');
  const listed = cli(['list', '--json', '--pool', pool.name, '--label', 'x']);
  const { pool: name, owners } = JSON.parse(listed.stdout) as ClusterListReport;
  assert.deepEqual([name, owners.length], [pool.name, 1]);
  const [owner] = owners;
  const only = owner?.functions[0];
  assert.deepEqual([owner?.id, owner?.state, owner?.functions.length], [job.id, 'live', 1]);
  assert.deepEqual([only?.name, only?.state, only?.attempts], ['note', 'pending', []]);
  assert.match(only!.argumentText, /, "a"$/);
  const refused = cli(['discard', '--yes', '--pool', pool.name, `${job.id}.1`]);
  assert.deepEqual([refused.status, /its job lives/.test(refused.stderr)], [1, true]);
  assert.equal(cli(['list', '--pool', pool.name], 'worker').status, 3, 'a worker may not list');
});

test(
  'the commands that show advises can be given to a shell, whatever the name of the pool',
  law,
  async t => {
    const pool = new Pool(t, server);
    const name = `it's night; echo "$HOME" *`;
    const job = await pool.manager({ maxAttempts: 1, pool: name }).open();
    await job.defer('fail', pool.ledger.path, 'a');
    await job.close();
    const { stdout } = cli(['show', '--pool', name, `${job.id}.1`]);
    const [, advised] = /^ *again +deferred-sweep (.*)$/m.exec(stdout) ?? [];
    const ran = spawnSync('sh', ['-c', `'${process.execPath}' '${commandLinePath}' ${advised} --json`], {
      encoding: 'utf8',
      env: { DEFERRED_SWEEP_POSTGRES: server.url('operator') },
    });
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(JSON.parse(ran.stdout).pool, name);
  },
);
