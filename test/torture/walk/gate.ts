/**
 * Loaded into an owner by `--import`, and with that into its runners: each waits here until strace has attached to it.
 * The FIFO is gone by the time a second runner is started, which then goes on.
 */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const base = process.env.TORTURE_BASE;
if (base !== undefined && process.argv[1]?.endsWith('/runner/main.js')) {
  // Loaded before it is traced: how Node reads modules differs from run to run.
  await Promise.all([
    import('#dist/runner/pipes.js'),
    import('#dist/runner/line-reader.js'),
    import('#dist/runner/process-state.js'),
    import('#dist/runner/run-file.js'),
    import('#dist/runner/watchdog.js'),
    import('./notes.ts'),
  ]);
  writeFileSync(join(base, '..', 'runner-pid'), String(process.pid));
  const fd = openGate(join(base, '..', 'gate'));
  if (fd !== undefined) {
    readSync(fd, Buffer.alloc(1));
    closeSync(fd);
  }
}

function openGate(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
