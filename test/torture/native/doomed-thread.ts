// A thread that loads the addon, does with it what it is told, says so, and ends as it is told, if it is not ended before.
import { openSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { nativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';

export type Act = 'loads' | 'opens' | 'locks' | 'relocks' | 'is refused' | 'fails' | 'nests' | 'arms';

export interface Doom {
  readonly act: Act;
  /** What it opens and locks: the first is its own, others may be contended. */
  readonly paths: readonly string[];
}

/** Its answer to this message, if it hears one. */
export type End = 'exit' | 'throw';

export const THREAD: URL = new URL('./doomed-thread.js', import.meta.url);

const { unlock, exclusive } = nativeMode;
const schemes = Object.values(nativeScheme);
/** Above every limit of descriptors, so never open. */
const NEVER_OPEN = 0x7fffffff;

if (parentPort !== null) live(workerData as Doom);

function live({ act, paths }: Doom): void {
  const { setFileLock } = nativeAddon();
  const open = (): number[] => paths.map(path => openSync(path, 'a+'));
  const lock = (descriptors: readonly number[]): void => {
    for (const [index, descriptor] of descriptors.entries())
      for (const scheme of schemes)
        if (setFileLock(descriptor, exclusive, scheme) !== true && index === 0)
          throw new Error(`${paths[0]} is contended`);
  };
  parentPort!.on('message', (end: End) => {
    if (end === 'throw') throw new Error('end of the thread');
    process.exit(0); // ends the thread alone
  });
  if (act === 'opens') open();
  if (act === 'locks' || act === 'arms') lock(open());
  // Long enough for the thread to be gone by then; if once it is not, there was nothing to see.
  if (act === 'arms') nativeAddon().setWatchdog(500, 0);
  if (act === 'nests') {
    const inner = new Worker(THREAD, { workerData: { act: 'locks', paths } satisfies Doom });
    inner.once('message', () => parentPort!.postMessage('ready'));
    return;
  }
  const descriptors = act === 'relocks' ? open() : [];
  parentPort!.postMessage('ready');
  // Endless: whoever terminates the thread most likely does it while it is in the addon.
  while (act === 'relocks') {
    lock(descriptors);
    for (const descriptor of descriptors)
      for (const scheme of schemes) setFileLock(descriptor, unlock, scheme);
  }
  while (act === 'fails') setFileLock(NEVER_OPEN, exclusive, nativeScheme.ofd);
  while (act === 'is refused') {
    try {
      setFileLock(-1, exclusive, nativeScheme.flock);
    } catch {
      // The TypeError is what is wanted, as often as can be.
    }
  }
}
