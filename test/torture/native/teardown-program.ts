// Takes the steps of one row of teardown-steps.ts: teardown-program.js DIRECTORY STEPS-AS-JSON
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { addonPath, nativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';
import { type Act, type Doom, type End, THREAD } from './doomed-thread.ts';
import { heldIn } from './locks-of.ts';
import { EXIT_CODE, type Step } from './teardown-steps.ts';

const [directory, steps] = process.argv.slice(2) as [string, string];
const threads: Worker[] = [];
let files = 0;

for (const step of JSON.parse(steps) as Step[]) await take(step);

async function take(step: Step): Promise<void> {
  const last = threads.at(-1);
  switch (step) {
    case 'thread is terminated':
      await last!.terminate();
      return;
    case 'thread is terminated twice while it exits':
      last!.postMessage('exit' satisfies End);
      await Promise.all([last!.terminate(), last!.terminate()]);
      return;
    case 'thread is told to exit':
    case 'thread is told to throw': {
      const exit = new Promise(resolve => last!.once('exit', resolve));
      // Heard here, the error does not end the process.
      last!.on('error', error => assert.equal(error.message, 'end of the thread'));
      last!.postMessage(step.slice('thread is told to '.length));
      await exit;
      return;
    }
    case 'main loads':
      nativeAddon();
      return;
    case 'main opens':
      openSync(freshPath(), 'a+');
      return;
    case 'main locks':
      lock();
      return;
    case 'main locks while it exits':
      process.on('exit', lock);
      return;
    case 'main ends':
      // By itself, once nothing keeps it; that no thread does is part of the row.
      return;
    case 'main exits':
      process.exit(EXIT_CODE);
      break;
    case 'main throws':
      setImmediate(() => {
        throw new Error('end of main');
      });
      await new Promise(() => {});
      break;
    case 'main rejects':
      void Promise.reject(new Error('end of main'));
      await new Promise(() => {});
      break;
    case 'main waits':
      setInterval(() => {}, 60_000);
      return;
    case 'context locks':
      lockInContext();
      return;
    case 'everything is free':
      assert.deepEqual(heldIn(directory), []);
      return;
    case 'something is held':
      assert.notDeepEqual(heldIn(directory), []);
      return;
    default:
      await start(step.slice('thread '.length) as Act);
  }
}

async function start(act: Act): Promise<void> {
  const thread = new Worker(THREAD, { workerData: { act, paths: [freshPath()] } satisfies Doom });
  threads.push(thread);
  assert.deepEqual(await once(thread, 'message'), ['ready']);
}

function freshPath(): string {
  return join(directory, `${files++}`);
}

function lock(): void {
  const descriptor = openSync(freshPath(), 'a+');
  for (const scheme of Object.values(nativeScheme))
    assert.equal(nativeAddon().setFileLock(descriptor, nativeMode.exclusive, scheme), true);
}

/** Once by this context's functions, once by the addon loaded while the code of the other context runs. */
function lockInContext(): void {
  const path = addonPath();
  const { exclusive } = nativeMode;
  const context = createContext({
    addon: nativeAddon(),
    load: (module: object) => process.dlopen(module as NodeJS.Module, path),
    descriptors: [openSync(freshPath(), 'a+'), openSync(freshPath(), 'a+')],
  });
  const answers = runInContext(
    `const module = { exports: {} }; load(module);
     [addon, module.exports].map((addon, index) => addon.setFileLock(descriptors[index], ${exclusive}, 0))`,
    context,
  );
  assert.deepEqual([...answers], [true, true]);
  assert.throws(() => runInContext('module.exports.setFileLock({ valueOf() { throw 1 } }, 2, 0)', context), {
    name: 'TypeError',
  });
}
