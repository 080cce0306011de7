// Starts threads that lock a file of their own and a shared one and die in every way: threads-program.js SEED THREADS DIRECTORY
// Says 'ended' when they have, and ends when its parent answers.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { nextCommand, report } from '../../helpers/parent.ts';
import { randomOf } from '../random.ts';
import { type Act, type Doom, type End, THREAD } from './doomed-thread.ts';

const [seed, count, directory] = process.argv.slice(2) as [string, string, string];
const random = randomOf(Number(seed));
const shared = join(directory, 'shared');
writeFileSync(shared, '');

const acts: readonly Act[] = [
  'loads',
  'opens',
  'locks',
  'locks',
  'relocks',
  'relocks',
  'is refused',
  'fails',
  'nests',
];
/** Those that hear no message, or whose process.exit() would not be their last word. */
const endless: readonly Act[] = ['relocks', 'is refused', 'fails'];

/** Threads that are terminated when so many others have come so far: at any moment of their own lives. */
const awaited: { after: number; thread: Worker }[] = [];
let heard = 0;

const ends = Array.from({ length: Number(count) }, async (_, index) => {
  const act = random.pick(acts);
  const death = random.pick(['exit', 'throw', 'terminate', 'terminate', 'at any moment', 'at once'] as const);
  const paths = [join(directory, `${index}`), shared];
  const thread = new Worker(THREAD, { workerData: { act, paths } satisfies Doom, stderr: true });
  const exit = new Promise(resolve => thread.once('exit', resolve));
  const unwanted: Error[] = [];
  thread.on('error', error => error.message === 'end of the thread' || unwanted.push(error));
  if (death === 'at any moment') awaited.push({ after: random.whole(0, Number(count) / 2), thread });
  if (death === 'at once') await thread.terminate();
  await Promise.race([exit, once(thread, 'message')]);
  heard += 1;
  for (const { after, thread } of awaited) if (heard > after) void thread.terminate();
  if (death === 'terminate' || endless.includes(act)) await thread.terminate();
  else thread.postMessage((death === 'throw' ? 'throw' : 'exit') satisfies End);
  await exit;
  if (unwanted.length > 0) throw unwanted[0];
});
await Promise.all(ends);

// The parent looks at this process while it lives.
await report('ended');
await nextCommand();
process.exit(0);
