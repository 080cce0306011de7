/**
 * The first module of a runner: it stands first in NODE_OPTIONS, before the owner's loaders. It sets the watchdog, so that
 * a loader that hangs is ended even if the sweeper is dead, and lets no module wait for a thread that was not woken.
 *
 * CommonJS without our ES modules: some versions of Node, and some options of owners, cannot `require` those.
 */
const { fstat } = require('node:fs') as typeof import('node:fs');
const { join } = require('node:path') as typeof import('node:path');
const { isMainThread } = require('node:worker_threads') as typeof import('node:worker_threads');

const [, program, limitMs, endMs] = process.argv;
// Processes and threads that functions start may inherit our options. They must not be ended.
if (isMainThread && program === join(__dirname, 'main.js')) {
  // As `keepThreadsAwake` of thread-pool.ts, which cannot be required here.
  setInterval(() => fstat(2 ** 31 - 1, () => {}), 1000).unref();
  process.argv.splice(2);
  // Programs that a function starts get the owner's NODE_OPTIONS, or none.
  const [, rest = ''] = /^--require "(?:[^"\\\\]|\\\\.)*" ?(.*)$/s.exec(process.env.NODE_OPTIONS ?? '') ?? [];
  if (rest === '') delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = rest;
  try {
    const { loadAddon } = require('../lock/load-addon.cjs') as import('../lock/native.ts').AddonLoader;
    loadAddon().addon?.setWatchdog(Number(limitMs), Number(endMs));
  } catch {
    // The addon is missing, or may not be loaded. `main.ts` reports that for each file.
  }
}
