import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { leaseState } from '#dist/native/lease.js';
import { notifyService } from '#dist/native/own-process.js';
import { openSignalTarget } from '#dist/native/process-signal.js';
import { isAlive, readEnvironment, readProcess } from '#dist/native/process-table.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const skip = process.platform === 'linux' ? false : 'NOT TESTED: this is not Linux';

test('a lease tells whether a file is open for writing, in this process or another, and takes nothing', {
  skip,
}, async t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const reader = openSync(path, 'r');
  assert.equal(leaseState(reader), 'free');
  const writer = openSync(path, 'a');
  assert.equal(leaseState(reader), 'held');
  closeSync(writer);
  assert.equal(leaseState(reader), 'free');
  const child = spawn('sh', ['-c', `exec 9>>'${path}'; echo; read line`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.equal(leaseState(reader), 'held');
  child.stdin.end('\n');
  await once(child, 'exit');
  assert.equal(leaseState(reader), 'free');
  // Nothing is left of the lease: an open for writing that does not wait is granted.
  closeSync(openSync(path, 'a'));
  closeSync(reader);
  assert.equal(leaseState(reader), 'unknown');
  const notForWriting = openSync('/dev/null', 'r');
  assert.equal(leaseState(notForWriting), 'unknown');
  closeSync(notForWriting);
});

test('a process that opens the file in that moment ends neither of the two', { skip }, async t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const script = `for (let i = 0; i < 20000; i++) try { fs.closeSync(fs.openSync(${JSON.stringify(path)}, 'a')) } catch (error) { if (error.code !== 'EAGAIN') throw error }`;
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
  const ended = once(child, 'exit');
  const reader = openSync(path, 'r');
  const seen = new Set<string>();
  let isRunning = true;
  child.once('exit', () => {
    isRunning = false;
  });
  while (isRunning) {
    for (let count = 0; count < 200; count++) seen.add(leaseState(reader));
    await new Promise(resolve => setImmediate(resolve));
  }
  closeSync(reader);
  assert.deepEqual(await ended, [0, null]);
  assert.ok(seen.has('free') && !seen.has('unknown'));
});

test('a signal target names its process after that has been reaped, too', async t => {
  const child = spawn('sleep', ['86400'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const entry = readProcess(child.pid!)!;
  assert.equal(entry.parent, process.pid);
  const target = openSignalTarget(child.pid!, () => isAlive(entry))!;
  assert.equal(target.send('SIGTERM'), true);
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM']);
  assert.equal(target.send('SIGTERM'), false);
  target.close();
  assert.equal(
    openSignalTarget(child.pid!, () => false),
    undefined,
  );
  assert.equal(readProcess(child.pid!), undefined);
  assert.equal(readEnvironment(child.pid!), undefined);
});

test('a service manager gets the message, by a path and by an abstract name; a missing one is no error', {
  skip,
}, async t => {
  const path = join(freshDirectory(t), 'notify');
  for (const name of [path, `@deferred-sweep-test-${process.pid}`]) {
    const receiver = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
print(s.recv(100).decode(), flush=True)`;
    const child = spawn('python3', ['-c', receiver, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', data => (output += data));
    await once(child.stdout, 'data');
    assert.equal(notifyService('READY=1', { NOTIFY_SOCKET: name }), true);
    await once(child, 'close');
    assert.equal(output, 'bound\nREADY=1\n');
  }
  assert.equal(notifyService('READY=1', {}), false);
  assert.equal(notifyService('READY=1', { NOTIFY_SOCKET: join(path, 'none') }), false);
  assert.equal(notifyService('READY=1', { NOTIFY_SOCKET: `/${'x'.repeat(200)}` }), false);
  assert.equal(notifyService('READY=1', { NOTIFY_SOCKET: 'vsock:2:1' }), false);
});

test('wrong arguments are TypeErrors, whatever they are', () => {
  const script = `
    const addon = require(${JSON.stringify(new URL('../../build/Release/deferred_sweep.node', import.meta.url).pathname)});
    const names = ['openProcess', 'signalProcess', 'processEnvironment', 'appendNamed', 'reapChild', 'addDirectoryWatch', 'pollReadable',
      'probeLease', 'isStillLocked', 'sendDatagram', 'duplicateInheritable', 'keepSignalOrigin', 'signalSender', 'endWaitingProcess'];
    for (const name of names)
      for (const args of [[], [-1], ['x', {}], [1e99, 1], [Symbol(), null], [NaN, NaN], [{}, () => {}], ['a\\0b', 'c']])
        try { addon[name](...args); throw new Error(name + ' took ' + args.map(String)) }
        catch (error) { if (!(error instanceof TypeError)) throw error }`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
