/** Calls once, in every way it can end, what the addon has beside locks. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type NativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';

type Functions = Record<SystemFunction, (...values: unknown[]) => unknown>;

const FUNCTIONS = [
  'openProcess',
  'signalProcess',
  'listProcesses',
  'processEnvironment',
  'copyEnvironment',
  'becomeSubreaper',
  'peekEndedChild',
  'reapChild',
  'openDirectoryWatches',
  'addDirectoryWatch',
  'removeDirectoryWatch',
  'pollReadable',
  'probeLease',
  'isStillLocked',
  'appendNamed',
  'sendDatagram',
  'duplicateInheritable',
  'keepSignalOrigin',
  'signalSender',
  'startWaitingProcess',
  'endWaitingProcess',
] as const;
type SystemFunction = (typeof FUNCTIONS)[number];

/** A number that is no descriptor and no process here. */
const NONE = 0x7fffffff;

/**
 * @param addon - what `require` of it returns
 * @param path - a file; its directory is watched
 * @param addonPath - for a thread that loads it, too
 */
export async function exerciseSystem(addon: object, path: string, addonPath: string): Promise<void> {
  const native = addon as Functions;
  const others = Object.keys(addon).filter(name => !(FUNCTIONS as readonly string[]).includes(name));
  assert.deepEqual(others.sort(), ['setFileLock', 'setWatchdog'], 'a function that is not called here');
  exerciseProcesses(native);
  exerciseDescriptors(native, path, addonPath);
  exerciseMessages(native, path);
  await exerciseChildren(native);
  await exerciseSignals(native);
  await exerciseWatches(native, path);
  await exerciseThread(addonPath, path);
  for (const name of FUNCTIONS) {
    for (const values of [[-1], ['x', {}], [1e99, 1], [Symbol('s'), null], [Number.NaN], [{}, () => {}]])
      if (takesArguments(name)) assert.throws(() => native[name](...values), TypeError, name);
  }
}

function takesArguments(name: SystemFunction): boolean {
  return ![
    'listProcesses',
    'becomeSubreaper',
    'peekEndedChild',
    'openDirectoryWatches',
    'startWaitingProcess',
  ].includes(name);
}

function isFailure(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'errno' in answer;
}

function exerciseProcesses(native: Functions): void {
  const environment = native.copyEnvironment(new Uint8Array()) as Buffer;
  assert.equal(native.copyEnvironment(environment), undefined);
  for (const other of [environment.subarray(1), environment.subarray(0, -1)])
    assert.deepEqual(native.copyEnvironment(other), environment);
  const target = native.openProcess(process.pid);
  if (isFailure(target))
    assert.equal((target as { errno: number }).errno, constants.errno.ENOSYS); // valgrind 3.19
  else {
    assert.equal(native.signalProcess(target, 0), true);
    closeSync(target as number);
  }
  assert.ok(isFailure(native.openProcess(NONE)));
  assert.ok(isFailure(native.signalProcess(NONE, 0)));
  // Lists on macOS, failures elsewhere.
  for (const answer of [native.listProcesses(), native.processEnvironment(process.pid)])
    assert.equal(typeof answer, 'object');
}

function exerciseDescriptors(native: Functions, path: string, addonPath: string): void {
  const fd = openSync(path, 'a+');
  const copy = native.duplicateInheritable(fd, 100);
  assert.ok((copy as number) >= 100);
  closeSync(copy as number);
  assert.ok(isFailure(native.duplicateInheritable(fd, NONE)));
  assert.ok(isFailure(native.duplicateInheritable(NONE, 0)));
  const bytes = Buffer.from('named');
  assert.equal(native.appendNamed(fd, path, bytes), true);
  for (const other of [`${path}-none`, `${path}/none`, dirname(path), addonPath])
    assert.equal(native.appendNamed(fd, other, bytes), false);
  assert.ok(isFailure(native.appendNamed(fd, `/${'n'.repeat(4000)}`, bytes)), 'ENAMETOOLONG');
  assert.ok(isFailure(native.appendNamed(NONE, path, bytes)));
  exerciseGlance(native as unknown as NativeAddon, path);
  assert.equal(native.probeLease(fd), 1);
  const reader = openSync(path, 'r');
  closeSync(fd);
  assert.equal(native.probeLease(reader), 0);
  closeSync(reader);
  assert.ok(isFailure(native.probeLease(reader)));
}

function exerciseGlance(native: NativeAddon, path: string): void {
  chmodSync(path, 0o600);
  const held = openSync(path, 'r+');
  for (const scheme of Object.values(nativeScheme)) {
    const { size, mtimeNs } = statSync(path, { bigint: true });
    const ask = (named = path): boolean => native.isStillLocked(named, scheme, Number(size), Number(mtimeNs));
    assert.equal(ask(), false);
    assert.equal(native.setFileLock(held, nativeMode.exclusive, scheme), true);
    assert.equal(ask(), true);
    assert.equal(native.isStillLocked(path, scheme, Number.NaN, Number.NEGATIVE_INFINITY), false);
    for (const other of [`${path}-none`, dirname(path), 'n'.repeat(4095)]) assert.equal(ask(other), false);
    assert.equal(native.setFileLock(held, nativeMode.unlock, scheme), true);
  }
  closeSync(held);
}

function exerciseMessages(native: Functions, path: string): void {
  for (const length of [1, 106, 107, 108, 109, 4000])
    for (const first of ['/', '@'])
      assert.ok(isFailure(native.sendDatagram(first + 'n'.repeat(length - 1), 'READY=1')));
  assert.ok(isFailure(native.sendDatagram(path, '')));
}

async function exerciseChildren(native: Functions): Promise<void> {
  assert.equal(native.becomeSubreaper(), true);
  const child = spawn('sh', ['-c', 'sleep 0 & echo $!'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  await once(child, 'close');
  const adopted = Number(printed);
  // Nothing tells when an adopted child ends.
  for (let count = 0; count < 3000 && native.peekEndedChild() !== adopted; count++)
    await new Promise(resolve => setTimeout(resolve, 10));
  assert.equal(native.reapChild(adopted), 1);
  assert.equal(native.reapChild(adopted), 0);
  assert.equal(native.reapChild(NONE), 0);
  const waiting = native.startWaitingProcess();
  if (process.platform !== 'linux') return assert.ok(isFailure(waiting));
  assert.equal(process.kill(waiting as number, 0), true);
  assert.equal(native.endWaitingProcess(waiting), true);
  for (const none of [waiting, NONE]) assert.ok(isFailure(native.endWaitingProcess(none)));
}

async function exerciseSignals(native: Functions): Promise<void> {
  const { SIGUSR2 } = constants.signals;
  assert.ok(isFailure(native.keepSignalOrigin(SIGUSR2)), 'nobody listens');
  const arrived = once(process, 'SIGUSR2');
  for (const _twice of [1, 2]) assert.equal(native.keepSignalOrigin(SIGUSR2), true);
  process.kill(process.pid, 'SIGUSR2');
  // A listener of signals keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  await arrived;
  clearInterval(alive);
  assert.equal(native.signalSender(SIGUSR2), process.pid);
  for (const none of [0, 64]) {
    assert.ok(isFailure(native.keepSignalOrigin(none)));
    assert.equal(native.signalSender(none), -1);
  }
}

/** Entries, and files that are closed: `WatchedEvents` of native/directory_watch.h. */
const CLOSING = 2;

async function exerciseWatches(native: Functions, path: string): Promise<void> {
  const fd = native.openDirectoryWatches() as number;
  const watch = native.addDirectoryWatch(fd, dirname(path), CLOSING);
  assert.equal(typeof watch, 'number');
  assert.ok(isFailure(native.addDirectoryWatch(fd, `/${'n/'.repeat(2000)}`, CLOSING)));
  assert.throws(() => native.addDirectoryWatch(fd, 'n'.repeat(4096), CLOSING), TypeError);
  assert.ok(isFailure(native.pollReadable(NONE, () => {})));
  const readable = new Promise<() => void>(resolve => {
    const stop = native.pollReadable(fd, () => resolve(stop)) as () => void;
    writeFileSync(path, 'seen');
  });
  const stop = await readable;
  assert.ok(readSync(fd, Buffer.alloc(16 * 1024)) > 0);
  for (const _twice of [1, 2]) stop();
  assert.equal(native.removeDirectoryWatch(fd, watch), true);
  assert.ok(isFailure(native.removeDirectoryWatch(fd, watch)));
  closeSync(fd);
}

/** One that is ended while its watch is polled, and one that ends by itself. */
async function exerciseThread(addonPath: string, path: string): Promise<void> {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const native = require(workerData.addonPath);
    const fd = native.openDirectoryWatches();
    native.addDirectoryWatch(fd, workerData.directory, 2);
    globalThis.stop = native.pollReadable(fd, () => {});
    parentPort.postMessage('ready');
    if (workerData.exits) process.exit(0);`;
  for (const exits of [false, true]) {
    const worker = new Worker(program, {
      eval: true,
      workerData: { addonPath, directory: dirname(path), exits },
    });
    await once(worker, 'message');
    await worker.terminate();
  }
}
