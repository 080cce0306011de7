/**
 * `npm run demo`: a worker is killed in mid-job, `npx deferred-sweep` cleans up after it. Everything is real: processes,
 * files, locks, SIGKILL. Ends with 0 if nothing is left but the dead letter of the function that is meant to fail.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tryLock } from 'deferred-sweep/lock';

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
const SETTLE_MS = 5000;
const base = mkdtempSync(join(tmpdir(), 'deferred-sweep-demo-'));
const problems = [];
let things;

try {
  const worker = fork(new URL('worker.mjs', import.meta.url), [base, await urlNobodyAnswersAt()], {
    execArgv: [],
  });
  const ended = once(worker, 'exit');
  say(`1. A worker (pid ${worker.pid}) registers its cleanups in ${base}/deferred and works …`);
  [things] = await Promise.race([once(worker, 'message'), ended.then(rejectEarlyEnd)]);
  worker.kill('SIGKILL');
  const [, signal] = await ended;
  say(`   … and is killed in mid-job: ${signal}. What it leaves behind:`);
  for (const [what, isThere] of look()) {
    say(`   ${isThere ? 'left' : '??? '}  ${what}`);
    if (!isThere) problems.push(`was never there: ${what}`);
  }

  say('\n2. The next worker on the node, or the shutdown hook of the batch system, sweeps:');
  sweep([base], 1);
  await settle();
  for (const [what, isThere] of look()) {
    say(`   ${isThere ? 'LEFT' : 'gone'}  ${what}`);
    if (isThere) problems.push(`is still there: ${what}`);
  }
  if (existsSync(things.journal)) say(`   ${readFileSync(things.journal, 'utf8').trim()}`);
  else problems.push('the journal was not written');

  say('\n3. One function failed. It is tried again until its attempts are used up, then it is set aside:');
  sweep(['cleanup', base], 1);
  const letters = listIfThere(join(base, 'deferred', 'dead')).map(name =>
    join(base, 'deferred', 'dead', name),
  );
  for (const letter of letters) say(`   dead letter (${statSync(letter).size} bytes): ${letter}`);
  if (letters.length !== 1) problems.push(`expected 1 dead letter, found ${letters.length}`);
  const stateFiles = listIfThere(join(base, 'deferred')).filter(name => name.startsWith('func'));
  if (stateFiles.length > 0) problems.push(`state files left: ${stateFiles.join(', ')}`);
} finally {
  // Whatever went wrong above, the demo leaves no process and no file of its own.
  for (const pid of [things?.servicePid, things?.holderPid])
    if (pid && isRunning(pid)) process.kill(pid, 'SIGKILL');
  rmSync(base, { recursive: true, force: true });
}

say(
  problems.length === 0
    ? '\nNothing is left. (The demo has removed its directory.)'
    : `\nFAILED:\n${problems.join('\n')}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

function say(text) {
  process.stdout.write(`${text}\n`);
}

/** What the worker made, and whether it is there now. */
function look() {
  const files = countFiles(things.scratch);
  return [
    [`a process in a session of its own, pid ${things.servicePid}`, isRunning(things.servicePid)],
    [`a scratch tree${files > 0 ? ` of ${files} files` : ''}: ${things.scratch}`, existsSync(things.scratch)],
    [`a named pipe: ${things.fifo}`, existsSync(things.fifo)],
    [`a lock, held by pid ${things.holderPid}: ${things.lock}`, isLocked(things.lock)],
  ];
}

/** Runs the command line of this package as a user would, and shows what it prints. */
function sweep(args, expectedStatus) {
  say(`   $ npx --no-install deferred-sweep ${args.join(' ')}`);
  const { status, stdout, stderr, error } = spawnSync('npx', ['--no-install', 'deferred-sweep', ...args], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  if (error) throw error;
  say(stdout.trimEnd().replaceAll(/^/gm, '   | '));
  if (status === expectedStatus) return;
  problems.push(
    `deferred-sweep ended with ${status}, expected ${expectedStatus} (one function fails)\n${stderr}`,
  );
}

/** What was sent SIGKILL takes a moment to be gone, and its lock with it. */
async function settle() {
  for (const until = Date.now() + SETTLE_MS; Date.now() < until; await delay(10)) {
    if (look().every(([, isThere]) => !isThere)) return;
  }
}

/** A process that has ended but was not waited for (a zombie) does not run. */
function isRunning(pid) {
  if (existsSync('/proc/self/stat')) {
    const path = `/proc/${pid}/stat`;
    return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'));
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' });
  return status === 0 && !stdout.trim().startsWith('Z');
}

function isLocked(path) {
  if (!existsSync(path)) return false;
  const fd = openSync(path, 'r+');
  try {
    return !tryLock(fd);
  } finally {
    closeSync(fd);
  }
}

function countFiles(path) {
  if (!existsSync(path)) return 0;
  return readdirSync(path, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).length;
}

function listIfThere(path) {
  return existsSync(path) ? readdirSync(path) : [];
}

/** The address of a port that was free a moment ago. */
async function urlNobodyAnswersAt() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}/machines/42`;
}

function rejectEarlyEnd([code, signal]) {
  throw new Error(`the worker ended before it was killed: ${code ?? signal}`);
}
