/** Two users with accounts for tests that root runs: useradd(8) and userdel(8). */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { tryLock } from '#dist/lock/index.js';
import { until } from './until.ts';

/** Numbers between UID_MIN and UID_MAX that no other test uses. */
export const FIRST = 51_001;
export const SECOND = 51_002;
/** A group that the first user is in beside its own. */
export const EXTRA_GROUP = 51_009;

const users = [
  ['dsweep-first', FIRST],
  ['dsweep-second', SECOND],
] as const;

/** For the `skip` option: false, or why users cannot be made. */
export const cannotMakeUsers: string | false =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'NOT TESTED: only root can make users, on Linux'
    : spawnSync('useradd', ['--help']).error
      ? 'NOT TESTED: there is no useradd(8) here'
      : false;

/** One for the machine, so that test files at the same time, and checkouts, have the accounts in turn. */
const TURN = '/tmp/deferred-sweep-test-accounts';
const MOST_TURN_MS = 600_000;
let turn: number | undefined;

/** Waits for its turn, then makes both. What an ended test left is removed first. */
export async function makeAccounts(): Promise<void> {
  const fd = openSync(TURN, 'a', 0o600);
  turn = fd;
  await until(`the lock of ${TURN}, which another test has,`, () => tryLock(fd), MOST_TURN_MS);
  removeUsers();
  execFileSync('groupadd', ['--gid', String(EXTRA_GROUP), 'dsweep-extra']);
  for (const [name, uid] of users) {
    const more = uid === FIRST ? ['--groups', 'dsweep-extra'] : [];
    execFileSync('useradd', ['--no-create-home', '--user-group', '--uid', String(uid), ...more, name], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }
}

/** Ends the turn, too. */
export function removeAccounts(): void {
  removeUsers();
  if (turn !== undefined) closeSync(turn);
  turn = undefined;
}

function removeUsers(): void {
  for (const [name] of users) spawnSync('userdel', ['--force', name]);
  spawnSync('groupdel', ['dsweep-extra']);
}

/** Makes one account, with a group of its own. What an ended test left is removed first. */
export function makeAccount(name: string, uid: number): void {
  removeAccount(name);
  execFileSync('useradd', ['--no-create-home', '--user-group', '--uid', String(uid), name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

export function removeAccount(name: string): void {
  spawnSync('userdel', ['--force', name]);
}
