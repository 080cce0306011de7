/** The program and the listener of docs/hooks.md under supervisord itself. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { cannotMakeUsers, FIRST, makeAccounts, removeAccounts } from '../helpers/accounts.ts';
import { installCommand } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { hookBlock } from '../helpers/hooks-page.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { until } from '../helpers/until.ts';
import { directoryOf } from '../helpers/users.ts';
import { ledgerWorker } from './ledger-worker.ts';

const noSupervisord = spawnSync('supervisord', ['--version']).error
  ? 'NOT TESTED: supervisord is missing; apt-get install supervisor'
  : false;

describe('the hooks of supervisord', { skip: cannotMakeUsers || notForOthers || noSupervisord }, () => {
  before(makeAccounts);
  after(removeAccounts);

  test('a program that is killed is cleaned up after when supervisord starts it again', async t => {
    const { base, lines } = await startSupervisor(t, { listener: false });
    const pid = await firstPid(lines);
    process.kill(pid, 'SIGKILL');
    const [began, cleaned, again] = await until('the next start', () => lines().length >= 3 && lines());
    assert.deepEqual([began, cleaned], [`began ${pid}`, `cleaned up after ${pid} as ${FIRST}`]);
    assert.match(again ?? '', /^began /, base);
  });

  test('what a program leaves that is stopped for good, by SIGKILL, is swept by the listener', async t => {
    const { lines, control } = await startSupervisor(t, { listener: true });
    const pid = await firstPid(lines);
    control('stop', 'worker');
    await until('the sweep', () => lines().length === 2);
    assert.deepEqual(lines(), [`began ${pid}`, `cleaned up after ${pid} as ${FIRST}`]);
    assert.match(control('status', 'sweep'), /RUNNING/, 'the listener goes on');
  });
});

const firstPid = (lines: () => string[]): Promise<number> =>
  until('the first start', () => Number(/^began (\d+)$/.exec(lines()[0] ?? '')?.[1] ?? 0) || undefined);

interface Supervisor {
  readonly base: string;
  lines(): string[];
  control(...args: string[]): string;
}

async function startSupervisor(t: TestContext, { listener }: { listener: boolean }): Promise<Supervisor> {
  const place = freshDirectory(t);
  chmodSync(place, 0o755);
  const base = directoryOf(join(place, 'state'), FIRST, 0o700);
  const socket = join(place, 'socket');
  // It does not heed SIGTERM.
  writeFileSync(join(place, 'main.mjs'), ledgerWorker("process.on('SIGTERM', () => {});"));
  const script = join(place, 'listener.sh');
  const program = installCommand(place);
  const own = (text: string): string =>
    text
      .replaceAll('/usr/bin/deferred-sweep', program)
      .replaceAll('/usr/bin/node', process.execPath)
      .replaceAll('/srv/worker/main.js', join(place, 'main.mjs'))
      .replaceAll('/srv/worker/sweep-listener.sh', script)
      .replaceAll('/var/lib/worker/deferred-sweep', base)
      .replaceAll('user=worker', 'user=dsweep-first')
      .replaceAll('stopwaitsecs=20', 'stopwaitsecs=1');
  writeFileSync(script, own(hookBlock('supervisord, pm2', '`sweep-listener.sh`')), { mode: 0o755 });
  const [programs = '', listeners = ''] = own(hookBlock('supervisord, pm2')).split(/^(?=\[eventlistener)/m);
  writeFileSync(
    join(place, 'supervisord.conf'),
    `[supervisord]
nodaemon=true
user=root
logfile=${place}/log
pidfile=${place}/pid
childlogdir=${place}
[unix_http_server]
file=${socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${socket}
${programs}${listener ? listeners : ''}`,
  );
  const args = ['-c', join(place, 'supervisord.conf')];
  const child = spawn('supervisord', args, { cwd: '/', stdio: 'ignore' });
  const ended = new Promise(resolve => child.once('exit', resolve));
  t.after(async () => {
    // It ends its programs.
    child.kill('SIGTERM');
    await ended;
  });
  await until('supervisord', () => existsSync(socket));
  const ledger = join(base, 'ledger');
  return {
    base,
    lines: () => (existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : []),
    control: (...words) => spawnSync('supervisorctl', [...args, ...words], { encoding: 'utf8' }).stdout,
  };
}
