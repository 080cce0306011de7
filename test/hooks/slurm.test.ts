/**
 * The scripts of docs/hooks.md on a real Slurm node with two users. Only two paths in them are others: that of the program
 * and that of the directory.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ListReport } from '#dist/index.js';
import { cannotMakeUsers, FIRST, makeAccounts, removeAccounts, SECOND } from '../helpers/accounts.ts';
import { commandLinePath, installCommand } from '../helpers/command-line.ts';
import { hookBlock } from '../helpers/hooks-page.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { until } from '../helpers/until.ts';
import { noSlurm, SlurmNode } from './slurm-node.ts';

const skip = noSlurm || cannotMakeUsers || notForOthers;

/** One line for what the job did, and one for what was done for it: who, what, of which job, in which job. */
const worker = `
import { appendFileSync, existsSync } from 'node:fs';
import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
const [how, ledger] = process.argv.slice(2);
const { SLURM_JOB_ID: id, SLURM_RESTART_COUNT: restarts = '0' } = process.env;
const manager = new DeferredFunctionManager(undefined, { label: id, retryDelayMs: 0, timeoutMs: 0, maxAttempts: how === 'hangs' ? 1 : 3 });
const job = await manager.open({ sweep: 'none' });
job.defer(async function note(ledger, id) {
  const { appendFileSync } = await import('node:fs');
  appendFileSync(ledger, [process.geteuid(), 'note', id, process.env.SLURM_JOB_ID].join(' ') + '\\n');
}, ledger, id);
if (how === 'hangs') job.defer(function hangs(path) {
  process.getBuiltinModule('node:fs').writeFileSync(path, String(process.pid));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}, ledger + '-pid');
if (how === 'fails') job.defer(function fails() { throw new Error('never'); });
appendFileSync(ledger, [process.geteuid(), 'begun', id, restarts].join(' ') + '\\n');
if (how === 'ignores') process.on('SIGTERM', () => appendFileSync(ledger, 'ignored\\n'));
if (how === 'ignores' || (how === 'requeued' && restarts === '0')) await new Promise(() => setInterval(() => {}, 1000));
if (how === 'exits') process.exit(0);
process.kill(process.pid, 'SIGKILL');
`;

describe('the hooks of Slurm on a node with two users', { skip, timeout: 280_000 }, () => {
  let place: string;
  let node: SlurmNode;

  before(async () => {
    await makeAccounts();
    place = mkdtempSync(join(tmpdir(), 'deferred-sweep-slurm-'));
    chmodSync(place, 0o755);
    const program = installCommand(place);
    const state = join(place, 'state');
    const script = (name: string): string =>
      hookBlock('Slurm', `\`${name}\``)
        .replaceAll('/usr/bin/deferred-sweep', program)
        .replaceAll('/var/lib/deferred-sweep', state);
    writeFileSync(join(place, 'worker.mjs'), worker);
    mkdirSync(join(place, 'ledgers'));
    chmodSync(join(place, 'ledgers'), 0o1777);
    node = await SlurmNode.start(place, {
      prolog: script('prolog.sh'),
      taskProlog: script('task-prolog.sh'),
      epilog: script('epilog.sh'),
    });
  });

  after(async () => {
    await node?.stop();
    removeAccounts();
    rmSync(place, { recursive: true, force: true });
  });

  function submit(
    name: string,
    uid: number,
    how: string,
    ...options: string[]
  ): { id: string; ledger: string } {
    const ledger = join(place, 'ledgers', name);
    const command = `exec '${process.execPath}' '${join(place, 'worker.mjs')}' ${how} '${ledger}'`;
    return { ledger, id: node.submit(uid, command, ...options) };
  }

  const lines = (ledger: string): string[] =>
    existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : [];
  const begun = (ledger: string): Promise<true> =>
    until('a worker that has begun', () => lines(ledger).some(line => line.includes('begun')), 120_000);
  /** The job and its Epilog have ended. */
  const ended = (id: string): Promise<true> =>
    until(`the end of job ${id}`, () => node.ask('squeue', '--noheader', `--jobs=${id}`) === '', 200_000);
  const base = (uid: number): string => join(place, 'state', String(uid));

  /** What the user sees of a job. */
  const listAs = (uid: number, label: string): ListReport => {
    const args = [commandLinePath, 'list', '--json', '--label', label, base(uid)];
    const { stdout } = spawnSync(process.execPath, args, { uid, gid: uid, cwd: '/', encoding: 'utf8' });
    return JSON.parse(stdout) as ListReport;
  };

  /** A function that has no business of root's and nothing of the Epilog's. */
  const done = (uid: number, id: string): string => `${uid} note ${id} `;

  describe('all at once', { concurrency: 8 }, () => {
    for (const [uid, how] of [
      [FIRST, 'exits'],
      [SECOND, 'dies of kill -9'],
    ] as const)
      test(`what a job that ${how} left is done by its Epilog, as its user, outside of the job`, async () => {
        const { ledger, id } = submit(how, uid, how.split(' ')[0]!);
        await ended(id);
        assert.deepEqual(lines(ledger), [`${uid} begun ${id} 0`, done(uid, id)]);
      });

    test('a job that is cancelled and ignores SIGTERM is cleaned up after its SIGKILL', async () => {
      const { ledger, id } = submit('ignores', FIRST, 'ignores');
      await begun(ledger);
      node.ask('scancel', '--full', id);
      await ended(id);
      assert.deepEqual(lines(ledger), [`${FIRST} begun ${id} 0`, 'ignored', done(FIRST, id)]);
    });

    test('a requeued job is cleaned up before it begins again, and after that', async () => {
      const { ledger, id } = submit('requeued', SECOND, 'requeued');
      await begun(ledger);
      node.ask('scontrol', 'requeue', id);
      await ended(id);
      const one = done(SECOND, id);
      assert.deepEqual(lines(ledger), [`${SECOND} begun ${id} 0`, one, `${SECOND} begun ${id} 1`, one]);
    });

    test('each of the twenty jobs of an array is cleaned up once', async () => {
      const { ledger, id } = submit('array', FIRST, 'dies', '--array=1-20');
      await ended(id);
      const notes = lines(ledger).filter(line => line.includes('note'));
      assert.deepEqual([new Set(notes).size, notes.length], [20, 20]);
      assert.ok(notes.every(line => line.startsWith(`${FIRST} note `)));
    });

    test('a cleanup that fails is kept, with its error', async () => {
      const { ledger, id } = submit('fails', FIRST, 'fails');
      await ended(id);
      assert.deepEqual(lines(ledger).slice(1), [done(FIRST, id)]);
      const { files } = listAs(FIRST, id);
      const failed = files[0]?.functions.find(({ name }) => name === 'fails');
      assert.equal(failed?.attempts[0]?.error?.message, 'never');
    });
  });

  // By itself: beside all of the others on a slow machine its Epilog's deadline comes before the function begins.
  test('a cleanup that hangs is ended by the deadline, and becomes a dead letter', async () => {
    const { ledger, id } = submit('hangs', SECOND, 'hangs');
    await ended(id);
    assert.deepEqual(lines(ledger).slice(1), [done(SECOND, id)]);
    const pid = readFileSync(`${ledger}-pid`, 'utf8');
    assert.ok(!existsSync(`/proc/${pid}`), 'the function still runs');
    const { files } = listAs(SECOND, id);
    assert.deepEqual(
      files.map(({ state, functions }) => [
        state,
        functions[0]?.name,
        functions[0]?.attempts[0]?.error?.code,
      ]),
      [['dead', 'hangs', 'DEFERRED_TIMED_OUT']],
    );
  });

  test('after all of that the node was never drained, and nothing belongs to another user', async () => {
    await until('an idle node', () => node.state === 'idle');
    assert.equal(node.ask('sinfo', '--noheader', '--format=%E'), 'none');
    assert.doesNotMatch(node.logs, /drain/i);
    for (const uid of [FIRST, SECOND]) {
      const names = readdirSync(base(uid), { recursive: true, encoding: 'utf8' });
      assert.ok(names.every(name => lstatSync(join(base(uid), name)).uid === uid));
    }
  });

  test('without --exit-zero a cleanup that fails drains the node', async () => {
    const epilog = join(place, 'epilog.sh');
    writeFileSync(epilog, readFileSync(epilog, 'utf8').replace('--exit-zero', ''));
    submit('drains', FIRST, 'fails');
    await until('a drained node', () => node.state.startsWith('drain'), 60_000);
  });
});
