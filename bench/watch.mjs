/**
 * How long from the SIGKILL of an owner until `watch` has claimed its file, and until its function runs; alone, and beside
 * 1,000 live files and 2,000 jobs a minute? How much does the watcher use when nothing happens?
 * Aims: claimed within 50 ms (median), running within 50 ms more.
 *
 * usage: node bench/watch.mjs [DEATHS]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DeferredFunctionManager } from 'deferred-sweep';
import { decodeRecord } from '../dist/log/decode-record.js';
import { readFrames } from '../dist/log/frame.js';
import { printMachine } from './function-report.mjs';
import { noteStart } from './watch-function.mjs';

const program = fileURLToPath(import.meta.url);
const commandLine = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const LIVE = 1000;
const JOBS_A_MINUTE = 2000;
/** A death that nothing follows is a finding, not a slow machine. */
const PATIENCE_MS = 30_000;
const IDLE_MS = 10_000;

const [role = '20', base, started] = process.argv.slice(2);
if (role === 'owner') await own();
else if (role === 'live') await live();
else if (role === 'jobs') await jobs();
else await main(Number(role));

async function own() {
  const job = await new DeferredFunctionManager(base).open();
  job.defer(noteStart, started);
  process.send(job.path);
  stayAlive();
}

async function live() {
  const manager = new DeferredFunctionManager(base);
  for (let i = 0; i < LIVE; i++) (await manager.open()).defer(noteStart, '/dev/null');
  process.send('open');
  stayAlive();
}

/** Until it is killed, or the benchmark has ended. */
function stayAlive() {
  process.on('disconnect', () => process.exit());
}

async function jobs() {
  stayAlive();
  process.send?.('at work');
  for (let next = performance.now(); ; next += 60_000 / JOBS_A_MINUTE) {
    await sleep(Math.max(0, next - performance.now()));
    // Another manager, so that each job makes a file and removes it.
    const manager = new DeferredFunctionManager(base);
    const job = await manager.open();
    job.defer(noteStart, '/dev/null');
    await job.close();
    await manager.close();
  }
}

async function main(deaths) {
  printMachine();
  const directory = mkdtempSync(join(tmpdir(), 'bench-watch-'));
  const watcher = spawn(process.execPath, [commandLine, 'watch', '--quiet', directory], { stdio: 'inherit' });
  const children = [watcher];
  try {
    // Until the watcher and the runner that it keeps ready are up.
    await sleep(3000);
    await printIdle('idle', watcher.pid);
    printTimes(`alone, ${deaths} deaths`, await timesOf(directory, deaths));
    const own = await start(directory, 'live');
    // Jobs that sweep would run the orphans themselves.
    const busy = await start(directory, 'jobs', { DEFERRED_SWEEP_INSIDE: '1' });
    children.push(own, busy);
    await sleep(3000);
    printTimes(
      `beside ${LIVE} live files and ${JOBS_A_MINUTE} jobs a minute, ${deaths} deaths`,
      await timesOf(directory, deaths),
    );
    await printIdle('the same without deaths', watcher.pid);
    busy.kill('SIGKILL');
    await once(busy, 'exit');
    await sleep(1000);
    await printIdle(`idle beside ${LIVE} live files`, watcher.pid);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await sleep(500);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Starts this program as another one, and resolves when it has said that it is there. */
async function start(directory, as, env = {}, ...args) {
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 4096; exec "$@"', 'sh', process.execPath, program, as, directory, ...args],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
    },
  );
  const [said] = await once(child, 'message');
  child.said = said;
  return child;
}

async function timesOf(directory, deaths) {
  const times = [];
  for (let i = 0; i < deaths; i++) {
    const started = join(directory, `started-${i}`);
    const owner = await start(directory, 'owner', { DEFERRED_SWEEP_INSIDE: '1' }, started);
    const fd = openSync(owner.said, 'r');
    await sleep(500);
    const killedAt = Date.now();
    owner.kill('SIGKILL');
    while (!existsSync(started)) {
      if (Date.now() > killedAt + PATIENCE_MS) throw new Error(`no function of ${owner.said} was run`);
      await sleep(5);
    }
    const bytes = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, bytes, 0, bytes.length, 0);
    closeSync(fd);
    const claimedAt = claimOf(bytes);
    const ranAt = Number(readFileSync(started, 'utf8'));
    rmSync(started);
    times.push({ claimed: claimedAt - killedAt, running: ranAt - killedAt, between: ranAt - claimedAt });
  }
  return times;
}

/** When the file was claimed first, in milliseconds since 1970. */
function claimOf(bytes) {
  for (const stretch of readFrames(bytes, () => true)) {
    const { record } = decodeRecord(stretch.payload);
    if (record.kind === 'claim') return record.atEpochMs;
  }
  throw new Error('the file was not claimed');
}

function printTimes(what, times) {
  console.log(what);
  for (const [name, text] of [
    ['claimed', 'from SIGKILL to the claim'],
    ['between', 'from the claim to the function'],
    ['running', 'from SIGKILL to the function'],
  ]) {
    const sorted = times.map(time => time[name]).sort((a, b) => a - b);
    const at = share => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(0);
    console.log(`  ${text.padEnd(32)} median ${at(0.5).padStart(4)} ms   p99 ${at(0.99).padStart(4)} ms`);
  }
  console.log('');
}

/** What a process and its children use while this one sleeps. */
async function printIdle(what, pid) {
  if (process.platform !== 'linux') return;
  const before = usage(pid);
  await sleep(IDLE_MS);
  const after = usage(pid);
  const seconds = IDLE_MS / 1000;
  console.log(
    `${what}: ${(((after.ticks - before.ticks) * 10) / seconds).toFixed(1)} ms of CPU a second, ` +
      `${((after.switches - before.switches) / seconds).toFixed(1)} wake-ups a second, with the runner that is ready\n`,
  );
}

function usage(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  let ticks = 0;
  let switches = 0;
  for (const one of [pid, ...children]) {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
    switches += Number(
      /^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/${one}/status`, 'utf8'))[1],
    );
  }
  return { ticks, switches };
}
