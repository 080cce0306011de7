/**
 * A worker in the middle of a job, as a batch system would start it: it makes things that outlive its process, and
 * registers the cleanup of each before the thing exists. `demo.mjs` kills it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, promises, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';

const [base, refusedUrl] = process.argv.slice(2);
const things = {
  scratch: join(base, 'scratch'),
  fifo: join(base, 'events.fifo'),
  lock: join(base, 'gpu0.lock'),
  holderPidFile: join(base, 'gpu0.pid'),
  journal: join(base, 'journal.txt'),
};
const DIRECTORIES = 30;
const FILES_EACH = 100;

const job = await new DeferredFunctionManager(base, { label: 'demo', logger: null }).open();

// A scratch tree. `fs.promises.rm` is a function of Node, stored by its name.
job.defer(promises.rm, things.scratch, { recursive: true, force: true });
for (let directory = 0; directory < DIRECTORIES; directory++) {
  const path = join(things.scratch, `part-${directory}`);
  mkdirSync(path, { recursive: true });
  for (let file = 0; file < FILES_EACH; file++) writeFileSync(join(path, `${file}.dat`), 'x'.repeat(100));
}

// A named pipe, removed by a program as a container would be (`docker rm -f NAME`).
job.defer(DeferredFunction.command('rm', ['-f', '--', things.fifo]));
execFileSync('mkfifo', [things.fifo]);

// A process that holds a lock. It writes its pid into a file itself, so the cleanup can be registered before it starts.
// A function of this program is stored by its source: it takes what it needs as arguments, and modules by import().
async function stopHolder(pidFile) {
  const { readFile, rm } = await import('node:fs/promises');
  const text = await readFile(pidFile, 'utf8').catch(error => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (text === undefined) return; // it never got that far
  try {
    process.kill(Number(text), 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // ESRCH: it has ended already, and its lock with it
  }
  await rm(pidFile, { force: true });
}
job.defer(stopHolder, things.holderPidFile);
const holder = await startOutliving('lock-holder.mjs', [things.lock, things.holderPidFile]);
await tell(holder, 'go');

// A process in a session of its own. Its pid is not known before it runs, so this cleanup cannot come first. Instead the
// child waits: until it is told "go" it ends by itself when this process does (its standard input closes). We tell it
// after the kill is registered, so at no instruction does it run on with nobody to stop it.
const service = await startOutliving('service.mjs', []);
job.defer(process.kill, service.pid, 'SIGKILL');
await tell(service, 'go');

job.defer(async function noteInJournal(path) {
  const { appendFile } = await import('node:fs/promises');
  await appendFile(path, `cleaned up by pid ${process.pid}\n`);
}, things.journal);

// A cleanup that cannot work: nobody answers at this address.
job.defer(async function terminateCloudMachine(url) {
  const response = await fetch(url, { method: 'DELETE' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}, refusedUrl);

process.send({ ...things, holderPid: holder.pid, servicePid: service.pid, stateFile: job.path });
process.on('message', () => {}); // in the middle of the job, for as long as nobody kills us

/** The child runs, in a session of its own, and waits for "go". */
async function startOutliving(program, args) {
  const path = new URL(program, import.meta.url).pathname;
  const child = spawn(process.execPath, [decodeURIComponent(path), ...args], {
    detached: true, // setsid(2): no signal to this process or its group reaches it
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** The child has been told, and has answered. */
async function tell(child, word) {
  child.stdin.write(`${word}\n`);
  await once(child.stdout, 'data');
}
