import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import {
  type LockPeer,
  type Mode,
  peerInProcess,
  peerInThisThread,
  peerInWorker,
  type Scheme,
} from '../helpers/lock-peer.ts';

/** Where the second request comes from, and whether it is made on the holder's open file description. */
interface Requester {
  peer: LockPeer;
  fd: number;
  isSameDescription: boolean;
}

for (const scheme of ['flock', 'ofd'] as const) {
  test(`truth table of ${scheme} locks`, async t => {
    const path = join(freshDirectory(t), 'file');
    writeFileSync(path, 'some bytes');
    const here = peerInThisThread();
    const holderFd = openSync(path, 'r+');
    const thirdFd = openSync(path, 'r+');
    t.after(() => {
      closeSync(holderFd);
      closeSync(thirdFd);
    });
    const requesters = await listRequesters(t, path, holderFd);

    for (const [place, { peer, fd, isSameDescription }] of Object.entries(requesters)) {
      for (const held of ['unlock', 'shared', 'exclusive'] as const) {
        for (const wanted of ['unlock', 'shared', 'exclusive'] as const) {
          const granted = isSameDescription || !excludes(held, wanted);
          await t.test(title(held, wanted, place, granted), async () => {
            assert.equal(await here.set(holderFd, held, scheme), true);
            assert.equal(await peer.set(fd, wanted, scheme), granted);
            // What is held now, seen by somebody else who asks for everything.
            const left = isSameDescription ? [wanted] : granted ? [held, wanted] : [held];
            const isFree = left.every(mode => mode === 'unlock');
            assert.equal(await here.set(thirdFd, 'exclusive', scheme), isFree);
            await Promise.all([
              here.set(holderFd, 'unlock', scheme),
              here.set(thirdFd, 'unlock', scheme),
              peer.set(fd, 'unlock', scheme),
            ]);
          });
        }
      }
    }
  });
}

async function listRequesters(
  t: TestContext,
  path: string,
  holderFd: number,
): Promise<Record<string, Requester>> {
  const here = peerInThisThread();
  const child = peerInProcess(t);
  const worker = peerInWorker(t);
  return {
    'the same descriptor': { peer: here, fd: holderFd, isSameDescription: true },
    'another descriptor of the process': { peer: here, fd: await here.open(path), isSameDescription: false },
    'another process': { peer: child, fd: await child.open(path), isSameDescription: false },
    'a process that inherited the descriptor': {
      peer: peerInProcess(t, [holderFd]),
      fd: 4,
      isSameDescription: true,
    },
    'a worker thread': { peer: worker, fd: await worker.open(path), isSameDescription: false },
    'a worker thread, by the same descriptor': { peer: worker, fd: holderFd, isSameDescription: true },
  };
}

function excludes(held: Mode, wanted: Mode): boolean {
  if (held === 'unlock' || wanted === 'unlock') return false;
  return held === 'exclusive' || wanted === 'exclusive';
}

function title(held: Mode, wanted: Mode, place: string, granted: boolean): string {
  const before = held === 'unlock' ? 'no lock' : `a lock held ${held}`;
  const request = wanted === 'unlock' ? 'to unlock' : `for a lock ${wanted}`;
  return `with ${before}, a request ${request} through ${place} is ${granted ? 'granted' : 'contended'}`;
}

/** What one scheme means to the other: on this file system (ext4, tmpfs, …), nothing. */
test('flock and OFD locks of a local file do not see each other', async t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const here = peerInThisThread();
  const [one, other] = [await here.open(path), await here.open(path)];
  const schemes: Scheme[] = ['flock', 'ofd'];
  assert.deepEqual(await Promise.all(schemes.map(scheme => here.set(one, 'exclusive', scheme))), [
    true,
    true,
  ]);
  assert.deepEqual(await Promise.all(schemes.map(scheme => here.set(other, 'exclusive', scheme))), [
    false,
    false,
  ]);
  await here.set(one, 'unlock', 'flock');
  assert.deepEqual(await Promise.all(schemes.map(scheme => here.set(other, 'exclusive', scheme))), [
    true,
    false,
  ]);
  await Promise.all([here.close(one), here.close(other)]);
});

test('a contended conversion loses a flock lock and keeps an OFD lock', {
  skip: process.platform !== 'linux',
}, async t => {
  const here = peerInThisThread();
  for (const [scheme, isKept] of [
    ['flock', false],
    ['ofd', true],
  ] as const) {
    const path = join(freshDirectory(t), 'file');
    writeFileSync(path, '');
    const [one, other, third] = [await here.open(path), await here.open(path), await here.open(path)];
    await here.set(one, 'shared', scheme);
    await here.set(other, 'shared', scheme);
    assert.equal(await here.set(one, 'exclusive', scheme), false);
    await here.set(other, 'unlock', scheme);
    assert.equal(
      await here.set(third, 'exclusive', scheme),
      !isKept,
      `${scheme}: what the converter still holds`,
    );
    await Promise.all([one, other, third].map(fd => here.close(fd)));
  }
});

test('an OFD lock covers all bytes, also those the file gets later', {
  skip: process.platform === 'linux' ? false : 'NOT TESTED: only Linux shows its table of locks',
}, async t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, 'some bytes');
  const here = peerInThisThread();
  const fd = await here.open(path);
  await here.set(fd, 'exclusive', 'ofd');
  const held = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .filter(line => line.includes(`:${statSync(path).ino} `));
  assert.equal(held.length, 1);
  assert.match(held[0]!, /OFDLCK +ADVISORY +WRITE .* 0 EOF$/);
  await here.close(fd);
});
