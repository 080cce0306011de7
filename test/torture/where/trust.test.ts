/** File systems that say of owners and modes what their makers want. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SweepReport, sweep } from '#dist/index.js';
import { type Call, read } from '../../helpers/calls.ts';
import { ALICE, directoryOf, leaveOrphanAs, MALLORY, refusalsOf } from '../../helpers/users.ts';
import { leaveOrphan } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { type Mounts, must, run, testHere } from './mounts.ts';

const calls: Call[] = [{ do: 'append', text: 'forged' }];
const unsafe = { code: 'DEFERRED_UNSAFE_DIRECTORY' };

/** An image with an orphan of root's, as any user can make one at home, mounted with these options. */
async function forgedImage(
  t: Parameters<typeof leaveOrphan>[0],
  mounts: Mounts,
  ledger: string,
  options: string,
): Promise<{ base: string; sweepIt: (trust?: object) => Promise<SweepReport> }> {
  const at = mounts.loop('ext4', 16);
  const base = join(at, 'base');
  mkdirSync(base, { mode: 0o700 });
  await leaveOrphan(t, { base, ledger, calls });
  must('mount', '-o', `remount,${options}`, at);
  return { base, sweepIt: trust => sweep(base, { logger: null, ...trust }) };
}

testHere(
  'root runs nothing of an image that was mounted as an untrusted one is, unless told to',
  async (t, mounts) => {
    const ledger = join(mounts.directory('elsewhere'), 'ledger');
    const { base, sweepIt } = await forgedImage(t, mounts, ledger, 'nosuid,nodev');
    await assert.rejects(sweepIt(), {
      ...unsafe,
      message: /mounted nosuid from \/dev\/loop\d+: its owners may be forged/,
    });
    await assert.rejects(sweepIt({ trustedPaths: [mounts.directory('elsewhere')] }), unsafe);
    assert.deepEqual(read(ledger), []);
    assert.equal(readdirSync(join(base, 'deferred')).length, 1);
    assert.equal((await sweepIt({ trustedPaths: [base] })).ok, 1);
    addRow({ part: 'where', what: 'an image with forged owners', tried: 3, found: 0 });
  },
);

testHere(
  'root uses a device that root mounted with trust, and a tmpfs whatever its options',
  async (t, mounts) => {
    const ledger = join(mounts.directory('elsewhere'), 'ledger');
    const { sweepIt } = await forgedImage(t, mounts, ledger, 'nodev');
    assert.equal((await sweepIt()).ok, 1);
    const base = mounts.by('nosuid', 'mount', '-t', 'tmpfs', '-o', 'mode=700,nosuid,nodev', 'tmpfs');
    await leaveOrphan(t, { base, ledger, calls });
    assert.equal((await sweep(base, { logger: null })).ok, 1);
    assert.deepEqual(read(ledger), ['forged', 'forged']);
  },
);

testHere('root runs nothing that a FUSE file system calls its own', async (t, mounts) => {
  const ledger = join(mounts.directory('elsewhere'), 'ledger');
  const source = mounts.directory('source');
  await leaveOrphan(t, { base: source, ledger, calls });
  const base = mounts.bindfs('bindfs', source);
  await assert.rejects(sweep(base), {
    ...unsafe,
    message: /is a FUSE mount of root .*which can claim any owner/,
  });
  assert.deepEqual(read(ledger), []);
  assert.equal((await sweep(base, { logger: null, trustedPaths: [base] })).ok, 1);
  addRow({ part: 'where', what: 'FUSE, for root', tried: 1, found: 0 });
});

/** `$1`: a fuse.conf; `$2`: what Mallory shows as Alice's; `$3`: where. Then Alice runs the rest. */
const showing = `
  set -e
  mount --make-rprivate /
  mount --bind "$1" /etc/fuse.conf
  mknod -m 666 "$1.device" c 10 229 && mount --bind "$1.device" /dev/fuse
  { cat /etc/passwd; echo mallory:x:${MALLORY}:${MALLORY}::/:/bin/false; } > "$1.passwd"
  mount --bind "$1.passwd" /etc/passwd
  as() { setpriv --reuid "$1" --regid "$1" --clear-groups "\${@:2}"; }
  as ${MALLORY} bindfs -o allow_other --force-user=${ALICE} --force-group=${ALICE} "$2" "$3"
  rm "$1.device"
  shift 3
  as ${ALICE} "$@"`;

testHere(
  "a user runs nothing of another user's FUSE mount, which calls its files the user's",
  async (_t, mounts) => {
    const shared = directoryOf(mounts.directoryOf('shared', 0), 0, 0o755);
    const ledger = join(directoryOf(join(shared, 'ledgers'), 0, 0o777), 'ledger');
    const source = directoryOf(join(shared, 'source'), MALLORY, 0o700);
    leaveOrphanAs({ uid: MALLORY }, source, ledger);
    const at = directoryOf(join(shared, 'mnt'), MALLORY);
    // A base for all, and the state directory itself is the mount.
    const sticky = directoryOf(join(shared, 'sticky'), 0, 0o1777);
    const deferred = directoryOf(join(sticky, 'deferred'), MALLORY);
    const config = join(shared, 'fuse.conf');
    writeFileSync(config, 'user_allow_other\n');
    const sweeping = (base: string, shown: string, on: string, trust: object): string => {
      const program = `
      import { sweep } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
      try { console.log((await sweep(${JSON.stringify(base)}, ${JSON.stringify({ logger: null, ...trust })})).ok); }
      catch (error) { console.log(error.code, error.message); }`;
      const node = [process.execPath, '--input-type=module', '--eval', program];
      return run('unshare', '-m', 'bash', '-c', showing, 'bash', config, shown, on, ...node).trim();
    };
    const scenes = [
      [at, source, at],
      [sticky, join(source, 'deferred'), deferred],
    ] as const;
    for (const [base, shown, on] of scenes) {
      // Trusted, it would be run as Alice: it is a trap.
      assert.match(
        sweeping(base, shown, on, {}),
        /^DEFERRED_UNSAFE_DIRECTORY .*, on the way to it, is a FUSE mount of mallory \(uid 64102\)/,
      );
      assert.deepEqual(read(ledger), []);
    }
    assert.equal(sweeping(...scenes[0], { trustedPaths: [at] }), '1');
    assert.deepEqual(read(ledger), [String(ALICE)]);
    addRow({ part: 'where', what: 'FUSE of another user', tried: 2, found: 0 });
  },
);

testHere(
  'where the file system shows other modes than were set, no job opens, and nothing stays behind',
  async (_t, mounts) => {
    const source = mounts.directory('source');
    // Every file looks as one of all, as on FAT or a share of a host.
    const base = mounts.bindfs('faked', source, '--perms=0777', '--chmod-ignore');
    const [, , opened] = refusalsOf({ uid: 0 }, base, { trustedPaths: [base] });
    assert.match(opened!, /^DEFERRED_UNSAFE_DIRECTORY .*deferred: others can write to it \(mode 0777\)/);
    assert.deepEqual(readdirSync(source), []);
    const trusted = join(base, 'deferred');
    const [, , file] = refusalsOf({ uid: 0 }, base, { trustedPaths: [trusted] });
    assert.match(
      file!,
      /^DEFERRED_UNSAFE_FILE cannot keep state files in .* mode 01600, others can read or write it/,
    );
    assert.deepEqual(readdirSync(join(source, 'deferred')), []);
  },
);
