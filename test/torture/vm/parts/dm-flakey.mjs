// In the virtual machine: cuts the power of a disk with dm-flakey, which from one moment on drops every write and says
// that it was done. What a worker had been told before that moment must be there when the disk is back.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { sweep } from '#dist/index.js';

const rounds = Number(process.argv[2]);
const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8' }).trim();
const sectors = 64 * 2048;
const image = '/run/disk/image';
const log = '/tmp/log';
const ledger = '/tmp/ledger';
let bad = 0;

for (let round = 1; round <= rounds; round++) {
  const durability = round % 5 === 0 ? 'process' : 'disk';
  const { owed, missing, again, damaged } = await cut(durability, 1 + Math.floor(Math.random() * 40));
  console.log(
    `round ${round}, ${durability}: ${owed} owed, ${missing} missing, ${again} again, ${damaged} damaged`,
  );
  if (durability === 'disk' ? missing + again + damaged > 0 : missing === 0) bad++;
}
process.exit(bad === 0 ? 0 : 1);

async function cut(durability, functions) {
  for (const path of [image, log, ledger]) {
    rmSync(path, { force: true });
    writeFileSync(path, '');
  }
  truncateSync(image, sectors * 512);
  run('mkfs.ext4', '-q', image);
  run('losetup', '/dev/loop0', image);
  run('dmsetup', 'create', 'cut', '--table', `0 ${sectors} flakey /dev/loop0 0 60 0`);
  run('dmsetup', 'mknodes');
  run('mount', '-t', 'ext4', '/dev/mapper/cut', '/mnt');

  const steps = [];
  const worker = fork('/app/dist-test/fixtures/job-on-disk.js', ['/mnt', ledger, log, durability]);
  const ended = once(worker, 'exit');
  await once(worker, 'message');
  let enough;
  const registered = new Promise(resolve => (enough = resolve));
  worker.on('message', step => {
    steps.push(step);
    if (steps.filter(({ kind }) => kind === 'registered').length >= functions) enough();
  });
  worker.send('begin');
  await registered;
  // From here on a step is said to be done too late to count: its worker sees that the log has grown.
  appendFileSync(log, 'x');
  run('dmsetup', 'suspend', '--noflush', '--nolockfs', 'cut');
  run('dmsetup', 'load', 'cut', '--table', `0 ${sectors} flakey /dev/loop0 0 0 60 1 drop_writes`);
  run('dmsetup', 'resume', 'cut');
  worker.kill('SIGKILL');
  await ended;
  run('umount', '/mnt');
  run('dmsetup', 'remove', 'cut');

  const owed = new Set();
  const finished = new Set();
  for (const { kind, ids, position } of steps) {
    for (const id of ids) {
      if (kind === 'registered' && position === 0) owed.add(id);
      // Whether its end came before or after the cut nobody knows.
      if (kind === 'closing') owed.delete(id);
      if (kind === 'closed' && position === 0) finished.add(id);
    }
  }
  rmSync(ledger);
  run('mount', '-t', 'ext4', '/dev/loop0', '/mnt');
  const report = await sweep('/mnt', { logger: null });
  run('umount', '/mnt');
  run('losetup', '-d', '/dev/loop0');
  const ran = new Set(
    existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').filter(Boolean).map(Number) : [],
  );
  return {
    owed: owed.size,
    missing: [...owed].filter(id => !ran.has(id)).length,
    again: [...finished].filter(id => ran.has(id)).length,
    damaged: report.files.filter(file => file.damagedBytes !== undefined || file.error).length,
  };
}
