/** systemd itself as pid 1 of namespaces of its own, with no units but those of a test. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';

const SYSTEMD = '/lib/systemd/systemd';

/** For the `skip` option: false, or why it cannot run. */
export const noSystemd: string | false =
  process.getuid?.() !== 0
    ? 'NOT TESTED: only root can start systemd'
    : spawnSync(SYSTEMD, ['--version']).error
      ? 'NOT TESTED: systemd is missing; apt-get install systemd'
      : false;

/** In a cgroup of its own, which goes with it; /mnt is another one in this namespace. */
const OUTSIDE = `
set -e
kind='cgroup -o none,name=systemd,xattr'
[ "$(stat --file-system --format=%T /sys/fs/cgroup)" = cgroup2fs ] && kind=cgroup2
mount -t $kind cgroup /mnt
own=/mnt/deferred-sweep-test-$$
mkdir "$own"
echo $$ >"$own/cgroup.procs"
unshare --pid --mount --cgroup --ipc --uts --fork --kill-child --mount-proc sh "$1/inside" "$1" "$kind" || :
echo $$ >/mnt/cgroup.procs
# Of the dead some may still be in it.
for try in $(seq 100); do find "$own" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done
`;

/** The test sees as `lib` what is /var/lib here. */
const INSIDE = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/systemd/system
if [ "$2" = cgroup2 ]; then
  mount -t cgroup2 cgroup /sys/fs/cgroup
else
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mkdir /sys/fs/cgroup/systemd
  mount -t $2 cgroup /sys/fs/cgroup/systemd
fi
mount --bind "$1/lib" /var/lib
exec env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH="$1/units" ${SYSTEMD} --system --log-target=console --show-status=no </dev/null
`;

/** What the units of a distribution stand on. */
const TARGETS = ['default', 'sysinit', 'basic', 'shutdown', 'multi-user'];

const BOOTED_MS = 20_000;

export interface Systemd {
  /** Standard output of systemctl(1). */
  control(...args: string[]): string;
  /** What systemd wrote. */
  log(): string;
}

/** Boots it with these units, by name; undefined where that is not possible, with the reason told. */
export async function bootSystemd(
  t: TestContext,
  place: string,
  units: Readonly<Record<string, string>>,
): Promise<Systemd | undefined> {
  for (const name of ['units', 'lib']) mkdirSync(join(place, name), { mode: 0o755 });
  for (const name of TARGETS)
    writeFileSync(join(place, 'units', `${name}.target`), '[Unit]\nDefaultDependencies=no\n');
  for (const [name, text] of Object.entries(units)) writeFileSync(join(place, 'units', name), text);
  writeFileSync(join(place, 'outside'), OUTSIDE);
  writeFileSync(join(place, 'inside'), INSIDE);
  const outside = ['--mount', '--propagation', 'private', 'sh', join(place, 'outside'), place];
  const child = spawn('unshare', outside, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise(resolve => child.once('close', resolve));
  t.after(async () => {
    const init = initOf(child);
    if (init !== undefined) process.kill(init, 'SIGKILL');
    await ended;
  });
  const control = (...args: string[]): string => {
    const inside = [
      '--target',
      String(initOf(child)),
      '--mount',
      '--pid',
      'systemctl',
      '--no-pager',
      ...args,
    ];
    return spawnSync('nsenter', inside, { encoding: 'utf8', timeout: 60_000 }).stdout;
  };
  for (const untilMs = performance.now() + BOOTED_MS; performance.now() < untilMs; await setTimeout(50)) {
    if (initOf(child) !== undefined && control('is-active', 'default.target') === 'active\n')
      return { control, log: () => said };
    if (child.exitCode !== null) break;
  }
  t.skip(`NOT TESTED: systemd does not run in namespaces here: ${said}`);
  return undefined;
}

/** Pid 1 of its namespace, by its number here. */
function initOf(outside: ChildProcess): number | undefined {
  const childOf = (pid: number | undefined): number | undefined => {
    const { stdout } = spawnSync('pgrep', ['--parent', String(pid)], { encoding: 'utf8' });
    return Number(stdout.split('\n')[0]) || undefined;
  };
  // unshare becomes the shell, which starts the second unshare, whose child is pid 1.
  const second = childOf(outside.pid);
  const init = second === undefined ? undefined : childOf(second);
  return init !== undefined && isInit(init) ? init : undefined;
}

function isInit(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // Ended.
    return false;
  }
}
