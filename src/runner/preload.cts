/**
 * Loaded into a runner before anything that its owner was started with, since it is the first word of NODE_OPTIONS: a
 * loader that hangs is ended by the kernel, too, should the sweeper be dead.
 *
 * CommonJS, and without the modules it would share with `main.ts`: not every Node that can run us, and not with every
 * option of an owner's, can `require` those.
 */
const { join } = require('node:path') as typeof import('node:path');
const { isMainThread } = require('node:worker_threads') as typeof import('node:worker_threads');

const [, program, limitMs, endMs] = process.argv;
// Processes and threads that functions start may inherit our options; they are not ours to end.
if (isMainThread && program === join(__dirname, 'main.js')) {
  process.argv.splice(2);
  // What a function starts gets the owner's NODE_OPTIONS, or none.
  const [, rest = ''] = /^--require "(?:[^"\\\\]|\\\\.)*" ?(.*)$/s.exec(process.env.NODE_OPTIONS ?? '') ?? [];
  if (rest === '') delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = rest;
  try {
    const { loadAddon } = require('../lock/load-addon.cjs') as import('../lock/native.ts').AddonLoader;
    loadAddon().addon?.setWatchdog(Number(limitMs), Number(endMs));
  } catch {
    // Without the addon, or rights to load it, `main.ts` says so, of each file.
  }
}
