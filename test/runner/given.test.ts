/** What a function that is run as an orphan gets of its process, printed from inside. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseOfKilledWorker, commandLinePath } from '../helpers/command-line.ts';

const onLinux = process.platform === 'linux' ? false : 'NOT TESTED: /proc tells it on Linux only';

interface Given {
  readonly umask: number;
  readonly env: Readonly<Record<string, string>>;
  /** Of a program that the function starts: how many such descriptors it has, and its signals. */
  readonly child: string;
  /** Descriptors of the runner that lead to what the sweeper inherited. */
  readonly files: readonly string[];
}

/** What a function of a killed owner finds whose sweeper was started by this shell command, `"$@"`. */
function givenBy(t: Parameters<typeof baseOfKilledWorker>[0], shell: string, env: NodeJS.ProcessEnv): Given {
  const base = baseOfKilledWorker(
    t,
    `process.umask(0o027);
     const second = await new DeferredFunctionManager(base, { logger: null }).open();
     second.defer(async path => {
       const { readdirSync, readlinkSync, writeFileSync } = await import('node:fs');
       const { execFileSync } = await import('node:child_process');
       const links = readdirSync('/proc/self/fd').flatMap(fd => {
         try { return [fd + ' ' + readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
       });
       const text = "ls -l /proc/self/fd | grep -c marker; grep -E '^(SigBlk|SigIgn)' /proc/self/status";
       writeFileSync(path, JSON.stringify({
         umask: process.umask(),
         env: process.env,
         child: execFileSync('/bin/sh', ['-c', text], { encoding: 'utf8' }),
         files: links.filter(link => /marker/.test(link)),
       }));
     }, base + '/given');`,
  );
  const { status, stderr } = spawnSync(
    '/bin/bash',
    ['--norc', '-c', shell, 'bash', process.execPath, commandLinePath, base],
    {
      env: { ...env, MARKER: join(base, 'marker') },
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(readFileSync(join(base, 'given'), 'utf8')) as Given;
}

test("a function gets default signals, its owner's umask, no foreign descriptor, a clean environment", {
  skip: onLinux,
}, t => {
  const given = givenBy(
    t,
    `trap '' HUP INT QUIT TERM USR1 USR2 PIPE CHLD; umask 077; touch "$MARKER"
     ulimit -n 65536 2>/dev/null || ulimit -n 4096
     exec 9<"$MARKER" 300<"$MARKER" 2000<"$MARKER"; exec "$@"`,
    {
      PATH: process.env.PATH,
      KEPT: 'kept',
      NODE_OPTIONS: '--no-warnings',
      DEFERRED_SWEEP_DIR: '/nowhere',
      DEFERRED_SWEEP_PREBUILD: '/nowhere',
    },
  );
  assert.equal(given.umask, 0o027);
  assert.deepEqual(given.files, []);
  const { PATH, KEPT, DEFERRED_SWEEP_INSIDE, ...others } = given.env;
  assert.deepEqual([PATH, KEPT, DEFERRED_SWEEP_INSIDE], [process.env.PATH, 'kept', '1']);
  assert.deepEqual(
    Object.keys(others).filter(name => name === 'NODE_OPTIONS' || name.startsWith('DEFERRED_SWEEP_')),
    [],
  );
  // Nor does a program that the function starts.
  assert.match(given.child, /^0\nSigBlk:\t0+\nSigIgn:\t0+\n$/);
});
