// Two machines (network namespaces), a PostgreSQL, a small cloud. One machine is cut off; the other one cleans up after
// it; the first, back, is fenced. Needs root, and Debian's packages postgresql and iptables. It starts and ends all it needs.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startCloud } from './fake-cloud.mjs';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const cli = fileURLToPath(new URL('../../dist/cli/start.cjs', import.meta.url));
const base = '/usr/lib/postgresql';
const version = existsSync(base) ? readdirSync(base).sort().at(-1) : undefined;
if (process.getuid?.() !== 0 || version === undefined || !existsSync('/usr/sbin/iptables')) {
  console.log('demo:cluster NOT RUN: it needs root, and the packages postgresql and iptables');
  process.exit(0);
}

const undo = [];
let isUndone = false;
function undoAll() {
  if (isUndone) return;
  isUndone = true;
  for (const step of undo.reverse()) {
    try {
      step();
    } catch (error) {
      console.error(String(error));
    }
  }
}
process.on('exit', undoAll);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const startMs = performance.now();
const say = text =>
  console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(5)} s  ${text}`);
const run = (program, ...args) =>
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
const own = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--pdeathsig=QUIT'];

// The server.
const directory = mkdtempSync(join(tmpdir(), 'deferred-sweep-demo-'));
undo.push(() => rmSync(directory, { recursive: true, force: true }));
chownSync(directory, Number(run('id', '-u', 'postgres')), Number(run('id', '-g', 'postgres')));
const data = join(directory, 'data');
const bin = join(base, version, 'bin');
run(
  ...own,
  join(bin, 'initdb'),
  '-D',
  data,
  '-A',
  'trust',
  '-U',
  'postgres',
  '--no-sync',
  '--no-locale',
  '--encoding=UTF8',
);
appendFileSync(join(data, 'pg_hba.conf'), 'host all all 10.91.0.0/16 trust\n');
const port = 20_000 + (process.pid % 20_000);
appendFileSync(
  join(data, 'postgresql.conf'),
  `port = ${port}\nlisten_addresses = '0.0.0.0'\nunix_socket_directories = ''\n`,
);
const server = spawn(own[0], [...own.slice(1), join(bin, 'postgres'), '-D', data], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
undo.push(() => server.kill('SIGQUIT'));
await new Promise((resolve, reject) => {
  createInterface({ input: server.stderr }).on('line', line => {
    if (line.includes('ready to accept connections')) resolve();
  });
  server.once('exit', () => reject(new Error('the server did not start')));
});
const cloud = await startCloud('0.0.0.0');
undo.push(() => cloud.close());
const url = address => `postgres://postgres@${address}:${port}/postgres`;
execFileSync(process.execPath, [cli, 'cluster', 'migrate'], {
  env: { ...process.env, DEFERRED_SWEEP_POSTGRES: url('127.0.0.1') },
});
say(`PostgreSQL ${version} and a small cloud are up`);

// Two machines.
function machine(name, number) {
  const space = `dsdemo-${process.pid}-${name}`;
  const link = `dd${process.pid % 100_000}${name}`;
  const address = `10.91.${number}.1`;
  run('ip', 'netns', 'add', space);
  undo.push(() => run('ip', 'netns', 'del', space));
  run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}c`, 'netns', space);
  run('ip', 'addr', 'add', `${address}/30`, 'dev', link);
  run('ip', 'link', 'set', link, 'up');
  run('ip', '-n', space, 'addr', 'add', `10.91.${number}.2/30`, 'dev', `${link}c`);
  run('ip', '-n', space, 'link', 'set', `${link}c`, 'up');
  const inside = (...args) => run('ip', 'netns', 'exec', space, ...args);
  const start = (...args) => {
    const child = spawn('ip', ['netns', 'exec', space, process.execPath, ...args], {
      env: {
        ...process.env,
        DEFERRED_SWEEP_POSTGRES: url(address),
        CLOUD_URL: `http://${address}:${cloud.port}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    undo.push(() => child.kill('SIGKILL'));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        child.emit('line', line);
        say(`  [${name}] ${line}`);
      });
    }
    return child;
  };
  return {
    start,
    cut: () => {
      for (const chain of ['INPUT', 'OUTPUT']) inside('iptables', '-w', '-A', chain, '-j', 'DROP');
    },
    heal: () => inside('iptables', '-w', '-F'),
  };
}
const [first, second] = [machine('first', 1), machine('second', 2)];
const line = async (child, pattern) => {
  for (;;) {
    const [text] = await once(child, 'line');
    if (pattern.test(text)) return text;
  }
};

const worker = first.start(here('worker.mjs'), '--forever');
const name = (await line(worker, /uses /)).replace('uses ', '');
second.start(
  cli,
  'cluster',
  'watch',
  '--pool',
  'machines',
  '--handlers',
  here('handlers.mjs'),
  '--interval',
  '250ms',
);
say(`${name} is ${cloud.machines.get(name).state}`);

say('the first machine is cut off');
const cutMs = performance.now();
first.cut();
while (cloud.machines.get(name).state === 'running') {
  if (performance.now() - cutMs > 60_000) throw new Error('the machine was not terminated within a minute');
  await new Promise(resolve => setTimeout(resolve, 50));
}
const tookMs = performance.now() - cutMs;
say(`${name} is ${cloud.machines.get(name).state}, ${(tookMs / 1000).toFixed(1)} s after the cut`);

say('the first machine is back');
first.heal();
await line(worker, /may not go on: DEFERRED_OWNERSHIP_LOST/);
// It still believes in its machine: an old fence is refused by the cloud.
const stale = await fetch(`http://127.0.0.1:${cloud.port}/${name}?fence=1`, { method: 'DELETE' });
say(`a termination by the first one's fence: ${stale.status}, ${(await stale.text()).trim()}`);
const terminations = cloud.log.filter(entry => entry === `DELETE ${name} 200`).length;
say(`the cloud has counted ${terminations} termination${terminations === 1 ? '' : 's'}`);
const isRight = tookMs < 15_000 && terminations === 1 && stale.status === 409;
say(isRight ? 'ok' : 'NOT AS PROMISED');
process.exit(isRight ? 0 : 1);
