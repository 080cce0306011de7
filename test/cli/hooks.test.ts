/** Lines of docs/hooks.md that can be run without the system they are for. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  baseOfKilledWorker,
  commandLinePath,
  installCommand,
  linkPackage,
  packageRoot,
  plainEnvironment,
} from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { hookBlock } from '../helpers/hooks-page.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

/** A directory with `deferred-sweep` in it. */
function binDirectory(t: TestContext): string {
  const bin = freshDirectory(t);
  installCommand(bin);
  return bin;
}

/** A directory with the worker of the shell script. It registers `proof`, says so, and is killed when its input ends. */
function workerDirectory(t: TestContext): string {
  const directory = freshDirectory(t);
  linkPackage(directory);
  writeFileSync(
    join(directory, 'worker.mjs'),
    `import { promises } from 'node:fs';
     import { DeferredFunctionManager } from 'deferred-sweep';
     const job = await new DeferredFunctionManager().open();
     job.defer(promises.writeFile, '${directory}/proof', '');
     console.log('ready');
     process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();`,
  );
  return directory;
}

test('the trap of a shell script runs what its killed worker left', t => {
  const bin = binDirectory(t);
  const directory = workerDirectory(t);
  const base = join(directory, 'state');
  writeFileSync(join(directory, 'script.sh'), hookBlock('A shell script'));
  const path = `${bin}:${dirname(process.execPath)}:${process.env.PATH}`;
  const env = { ...plainEnvironment(), PATH: path, DEFERRED_SWEEP_DIR: base };
  const { stdout, status } = spawnSync('sh', ['script.sh'], { cwd: directory, env, encoding: 'utf8' });
  assert.ok(existsSync(join(directory, 'proof')), stdout);
  assert.equal(status, 137, "the script ends as its worker did, not as the trap's sweep");
});

test('the trap of a shell script runs after a signal to the shell, too, when its worker has ended', async t => {
  const bin = binDirectory(t);
  const directory = workerDirectory(t);
  for (const [signal, status] of [
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const path = `${bin}:${dirname(process.execPath)}:${process.env.PATH}`;
    const env = { ...plainEnvironment(), PATH: path, DEFERRED_SWEEP_DIR: join(directory, signal) };
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    const shell = spawn('sh', ['-c', hookBlock('A shell script')], {
      cwd: directory,
      env,
      stdio: [...stdio],
    });
    const ended = once(shell, 'exit');
    await once(shell.stdout!, 'data');
    shell.kill(signal);
    shell.stdin!.end();
    assert.deepEqual(await ended, [status, null]);
    assert.ok(existsSync(join(directory, 'proof')));
    unlinkSync(join(directory, 'proof'));
  }
});

test("cron's line prints nothing when all goes well, in cron's environment, and what failed when not", t => {
  const bin = binDirectory(t);
  const command = hookBlock('cron').trim().split(' ').slice(5).join(' ').replace('/usr/bin', bin);
  const runAsCron = (base: string): { stdout: string; stderr: string } =>
    spawnSync('/bin/sh', ['-c', command], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', HOME: '/', SHELL: '/bin/sh', DEFERRED_SWEEP_DIR: base },
      encoding: 'utf8',
    });
  const good = runAsCron(baseOfKilledWorker(t, touch));
  assert.deepEqual([good.stdout, good.stderr], ['', '']);
  assert.match(runAsCron(baseOfKilledWorker(t, failing)).stdout, /refuse: failed/);
});

test("the runner's hook keeps a failing cleanup from failing a green job", t => {
  const bin = binDirectory(t);
  const script = hookBlock('GitHub Actions runner').replace('/usr/bin', bin);
  const env = { DEFERRED_SWEEP_DIR: baseOfKilledWorker(t, failing) };
  const { status, stdout } = spawnSync('bash', ['-e', '-c', script], { env, encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /refuse: failed/);
});

test('the lines for deployments remove no release that a job needs, and sweep one that none does', async t => {
  const bin = binDirectory(t);
  const directory = freshDirectory(t);
  const release = join(directory, 'releases/41');
  linkPackage(release);
  symlinkSync(release, join(directory, 'current'));
  writeFileSync(
    join(release, 'clean.mjs'),
    `import fs from 'node:fs'; export const clean = path => fs.writeFileSync(path, '');`,
  );
  writeFileSync(
    join(release, 'worker.mjs'),
    `import { DeferredFunctionManager } from 'deferred-sweep';
     import { clean } from './clean.mjs';
     const job = await new DeferredFunctionManager().open();
     job.defer(clean, '${directory}/proof');
     console.log('open');
     setInterval(() => {}, 1000);`,
  );
  const path = `${bin}:${dirname(process.execPath)}:${process.env.PATH}`;
  const env = { ...plainEnvironment(), PATH: path, DEFERRED_SWEEP_DIR: join(directory, 'state') };
  const lines = hookBlock('Deployments').replace('/srv/worker', directory).replace('30s', '1s');
  const deploy = (): void => void spawnSync('sh', ['-c', lines], { cwd: '/', env });
  const worker = spawn(process.execPath, [join(directory, 'current/worker.mjs')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => worker.kill('SIGKILL'));
  await once(worker.stdout, 'data');
  // The next release.
  unlinkSync(join(directory, 'current'));
  deploy();
  assert.ok(existsSync(release), 'a job of it lives');
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  deploy();
  assert.ok(existsSync(join(directory, 'proof')));
  assert.ok(!existsSync(release));
});

const isRoot = process.geteuid?.() === 0 && process.platform === 'linux';

test('a hook of root that becomes the user by setpriv, with no environment, sweeps what belongs to the user, and ends well', {
  skip: isRoot ? false : 'NOT TESTED: needs root on Linux',
}, t => {
  const uid = 54321;
  const place = freshDirectory(t);
  chmodSync(place, 0o711);
  const base = join(place, `${uid}`);
  mkdirSync(base, { mode: 0o700 });
  chownSync(base, uid, uid);
  const as = ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', '--reset-env'];
  const program = `
      import { promises } from 'node:fs';
      import { DeferredFunctionManager } from '${join(packageRoot, 'dist/index.js')}';
      const job = await new DeferredFunctionManager('${base}').open();
      job.defer(promises.writeFile, '${base}/proof', '');
      process.kill(process.pid, 'SIGKILL');`;
  const worker = ['--input-type=module', '-e', program];
  const { signal, stderr } = spawnSync('setpriv', [...as, process.execPath, ...worker], {
    cwd: '/',
    encoding: 'utf8',
  });
  if (signal !== 'SIGKILL') return t.skip(`NOT TESTED: another user cannot read this checkout: ${stderr}`);
  const args = [
    'sweep',
    '--wait',
    '5s',
    '--deadline',
    '15s',
    '--grace',
    '2s',
    '--exit-zero',
    '--quiet',
    base,
  ];
  const ended = spawnSync('/usr/bin/setpriv', [...as, process.execPath, commandLinePath, ...args], {
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, '', '']);
  assert.ok(existsSync(join(base, 'proof')));
  return undefined;
});
