/** What a figure is worth nothing without. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { PLACES } from './harness.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const said = (program, ...argv) => execFileSync(program, argv, { encoding: 'utf8', cwd: ROOT }).trim();

export function machine() {
  const fileSystems = Object.entries(PLACES).map(([place, path]) => [place, fileSystemOf(path)]);
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: `${process.platform} ${release()}`,
    node: process.version,
    fileSystems: Object.fromEntries(fileSystems),
  };
}

/** When, of what and where a question was answered. */
export function circumstances() {
  const isDirty = said('git', 'status', '--porcelain', '--untracked-files=no', 'src', 'native') !== '';
  const commit = said('git', 'rev-parse', '--short=10', 'HEAD') + (isDirty ? ', changed' : '');
  return {
    date: new Date().toISOString().slice(0, 16).concat('Z'),
    commit,
    load: Number(loadavg()[0].toFixed(1)),
    machine: machine(),
  };
}

/** The type of the file system of a path: the longest mount point that leads to it. */
function fileSystemOf(path) {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  let best = { point: '', type: 'unknown' };
  for (const line of mounts) {
    const [before, after] = line.split(' - ');
    const point = before.split(' ')[4];
    const leads = point === '/' || path === point || path.startsWith(`${point}/`);
    if (leads && point.length >= best.point.length) best = { point, type: after.split(' ')[0] };
  }
  return best.type;
}
