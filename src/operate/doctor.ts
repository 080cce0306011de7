/** Whether a place can keep what is promised. Leaves no trace: its one file is removed again. */
import { randomBytes } from 'node:crypto';
import { constants, openSync, readlinkSync, statfsSync, unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { tryLock } from '../lock/advisory-lock.ts';
import { closeDescriptor } from '../lock/close.ts';
import { fileSystemVerdict } from '../lock/file-system.ts';
import { mountsOnTheWay, readMounts } from '../lock/mounts.ts';
import { addonPath } from '../lock/native.ts';
import { assertLocksExclude } from '../lock/self-test.ts';
import { leaseState } from '../native/lease.ts';
import { reportError } from '../report/reported-error.ts';
import { defaultBase } from '../state/default-base.ts';
import { stateIo } from '../state/file-io.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { systemReason, withPath } from '../state/system-reason.ts';
import { describeMode, type Trust } from '../trust/trust.ts';
import { walkJudged } from '../trust/trusted-path.ts';
import { describeUser } from '../trust/user-name.ts';
import type { Way } from '../trust/way.ts';
import { tempCleanersAt } from './temp-cleaners.ts';

/** One thing that was looked at. `bad`: a promise does not hold here. */
export interface Finding {
  readonly subject: string;
  readonly verdict: 'ok' | 'warning' | 'bad';
  readonly text: string;
}

/** Below these a registration may soon fail. */
const FEW_BYTES = 64 * 1024 * 1024;
const FEW_INODES = 1000;

/** Looks at a base directory, which need not exist. Throws only where a relative name means none any more. */
export function examine(base: string, trust: Trust): readonly Finding[] {
  const findings: Finding[] = [
    nodeFinding(),
    platformFinding(),
    ...tried('addon', () => ok('addon', addonPath())),
    ok('place', `${resolve(base)}, as ${describeUser(process.geteuid?.() ?? 0)}`),
  ];
  let way: Way | undefined;
  findings.push(
    ...tried('way', () => {
      const steps: Finding[] = [];
      const judged = walkJudged(resolve(base), trust, (distrust, step) => {
        if (distrust) steps.push(bad('way', `${distrust.what}; ${distrust.advice}`));
        else if (step)
          steps.push(ok('way', `${step.path}: ${describeUser(step.stat.uid)}, ${describeMode(step.stat)}`));
      });
      for (const { what, advice } of judged.warnings) steps.push(warning('way', `${what}; ${advice}`));
      way = judged;
      return steps;
    }),
  );
  if (!way || findings.some(({ verdict, subject }) => verdict === 'bad' && subject === 'way'))
    return findings;
  const place = way.lastDirectory.path;
  findings.push(
    ...tried('directory', () => directoryFinding(new StateDirectory(base, { trust }))),
    ...tried('file system', () => fileSystemFinding(place)),
    ...tried('locks', () => lockFindings(place)),
    ...tried('space', () => spaceFinding(place)),
    ...mountFindings(place),
    ...cleanerFindings(place),
    ...otherPlaces(base),
  );
  return findings;
}

const ok = findingOf('ok');
const warning = findingOf('warning');
const bad = findingOf('bad');

function findingOf(verdict: Finding['verdict']) {
  return (subject: string, text: string): Finding => ({ subject, verdict, text });
}

function tried(subject: string, look: () => Finding | Finding[]): Finding[] {
  try {
    return [look()].flat();
  } catch (error) {
    const isOfSystem = systemErrorCode(error) !== undefined;
    return [bad(subject, isOfSystem ? withPath(error, systemReason(error)) : reportError(error).message)];
  }
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isSupported = major >= 24 || (major === 22 && minor >= 13) || (major === 20 && minor >= 19);
  const text = `${process.versions.node} at ${process.execPath}`;
  return isSupported ? ok('Node', text) : warning('Node', `${text}: 20.19, 22.13, 24 or later are supported`);
}

function platformFinding(): Finding {
  const text = `${process.platform} ${process.arch}`;
  if (process.platform === 'linux') return ok('platform', text);
  return warning('platform', `${text}: the code for it has never been run`);
}

function directoryFinding(directory: StateDirectory): Finding {
  const { stateFiles, movedDeadLetters } = directory.look();
  const moved = `${movedDeadLetters.length} dead letters were moved out of dead/; retry them, or move them back`;
  if (movedDeadLetters.length > 0) return warning('directory', `${directory.path}: ${moved}`);
  const count = stateFiles.length;
  return ok('directory', `${directory.path}: ${count} ${count === 1 ? 'state file' : 'state files'}`);
}

/** What of a mount a state directory should not be on, by its type. */
const FLEETING: Readonly<Record<string, string>> = {
  tmpfs: 'is in memory: a reboot empties it',
  overlay: 'is the writable layer of a container: it is gone with the container',
};

function fileSystemFinding(place: string): Finding {
  const type = mountsOnTheWay(readMounts(), place).at(-1)?.type ?? 'of a type that is not told';
  if (fileSystemVerdict(place) === 'network') {
    const text = `${place} is on ${type}, whose locks may hold only within one host or mount; use a local directory`;
    return warning('file system', text);
  }
  const fleeting = FLEETING[type];
  if (fleeting !== undefined) return warning('file system', `${place} (${type}) ${fleeting}`);
  if (place === '/tmp' || place.startsWith('/tmp/'))
    return warning('file system', `${place} (${type}): many systems empty /tmp at boot`);
  return ok('file system', `${place} is on ${type}`);
}

function lockFindings(place: string): Finding[] {
  const path = join(place, `.deferred-sweep-doctor-${randomBytes(8).toString('hex')}`);
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
  const fd = stateIo(`make a file in ${place}`, path, () => openSync(path, flags, 0o600));
  try {
    if (!tryLock(fd, { scheme: 'flock' }) || !assertLocksExclude(fd, path, 'flock'))
      return [bad('locks', `the kernel could not say whether locks in ${place} exclude`)];
    return [ok('locks', 'a second lock of a locked file was refused'), leaseFinding(path)];
  } finally {
    closeDescriptor(fd);
    unlinkSync(path);
  }
}

/** @param path - open for writing */
function leaseFinding(path: string): Finding {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return leaseState(fd) === 'held'
      ? ok('leases', 'list can tell owners that live from those that are gone')
      : warning('leases', 'there are no leases here: list says unknown of files whose lock is in no table');
  } finally {
    closeDescriptor(fd);
  }
}

function spaceFinding(place: string): Finding {
  const { bavail, bsize, files, ffree } = statfsSync(place);
  const bytes = bavail * bsize;
  const text = `${Math.floor(bytes / 2 ** 20)} MiB${files > 0 ? ` and ${ffree} inodes` : ''} free`;
  // Some file systems count no inodes.
  if (bytes === 0 || (files > 0 && ffree === 0)) return bad('space', text);
  const isLow = bytes < FEW_BYTES || (files > 0 && ffree < FEW_INODES);
  return isLow ? warning('space', text) : ok('space', text);
}

/** A mount of the job's own, or a part of a file system as systemd's PrivateTmp is, is gone before its hook runs. */
function mountFindings(place: string): Finding[] {
  const warnings: string[] = [];
  const own = unlessRefused(() => readlinkSync('/proc/self/ns/mnt'), undefined);
  const first = unlessRefused(() => readlinkSync('/proc/1/ns/mnt'), undefined);
  if (own !== undefined && first !== undefined && own !== first)
    warnings.push(
      'this process has mounts of its own: a hook outside may find another directory at this path',
    );
  const mount = mountsOnTheWay(readMounts(), place).at(-1);
  if (mount && mount.root !== '/' && mount.mountPoint !== '/' && mount.type !== 'btrfs')
    warnings.push(
      `${mount.mountPoint} is ${mount.root} of ${mount.source} (${mount.type}): if that is private to a job or service, it is gone with it`,
    );
  if (warnings.length > 0) return warnings.map(text => warning('mounts', text));
  const shared = SHARED_PLACES.find(path => place === path || place.startsWith(`${path}/`));
  const what = shared === undefined ? 'not private' : `${shared} is shared with all users`;
  return [ok('mounts', first === undefined ? `${what}, as far as can be told here` : what)];
}

const SHARED_PLACES = ['/tmp', '/var/tmp', '/dev/shm'];

function cleanerFindings(place: string): Finding[] {
  const cleaners = tempCleanersAt(place);
  if (cleaners.length === 0)
    return [ok('cleaners', 'none is configured to take state files from this place')];
  return cleaners.map(text => warning('cleaners', text));
}

/** Where others might look. */
function otherPlaces(base: string): Finding[] {
  const shared = `/tmp/deferred-sweep-${process.geteuid?.() ?? 0}`;
  const named = [defaultBase({}), defaultBase(), shared, process.env.TMPDIR ?? '/tmp'];
  const others = new Set(named.map(path => resolve(path)));
  others.delete(resolve(base));
  return [...others].flatMap(path => {
    const count = countIn(path);
    if (count === 0) return [];
    const text = `${path}/deferred has ${count} state files, too; this place does not see them`;
    return [warning('other place', text)];
  });
}

function countIn(base: string): number {
  try {
    return new StateDirectory(base).look().stateFiles.length;
  } catch {
    // Any reason not to use it is a reason not to mean it.
    return 0;
  }
}
