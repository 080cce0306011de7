/** Whole sweeps by turns: each round makes its orphans anew, and checks that every function ran. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bareNode, programOf, timedProcess } from './harness.mjs';
import { makeOrphans } from './orphans.mjs';
import { peers } from './peers/index.mjs';

export async function measureSweeps(run, { size, files, functions, withPeers, rounds }) {
  const candidates = { 'node -e 0': bareNode };
  const place = run.fresh();
  const inFresh = body => () => {
    const directory = run.fresh();
    try {
      return body(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  const sweepOf = (directory, argv) => {
    const { ms, stdout } = timedProcess(process.execPath, argv, { cwd: place });
    const { ok } = JSON.parse(stdout);
    if (ok !== files * functions) throw new Error(`${argv.join(' ')}: ${ok} functions ran in ${directory}`);
    return ms;
  };
  for (const { name, directory: build } of run.builds) {
    candidates.floor ??= inFresh(base => {
      makeOrphans(build, base, { files, functions });
      return run.floor('sweep', join(base, 'deferred'), files, functions) / 1e6;
    });
    candidates[name] = inFresh(base => {
      makeOrphans(build, base, { files, functions });
      return sweepOf(base, [programOf('sweeper.mjs'), build, base]);
    });
  }
  if (withPeers)
    for (const [name, on] of Object.entries(peers))
      candidates[name] = inFresh(directory => {
        const owner = on(directory);
        owner.leave(files, functions, deadPid());
        owner.end?.();
        return sweepOf(directory, [programOf('peer-sweeper.mjs'), name, directory]);
      });
  await run.byTurns(candidates, { size, rounds, warmUps: rounds > 1 ? 1 : 0 });
}

function deadPid() {
  return spawnSync('true').pid;
}
