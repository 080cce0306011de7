// The package managers: each must install the tarball silently, and what it installed must run on every Node.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useIt } from './use.mjs';
import { fail, newProject, npmInstall, options, work } from './work.mjs';

// `node` is the oldest of our Nodes that the manager admits. Nothing tells them to block or to allow scripts: there are
// none, which the lock file of npm is asked.
export const MANAGERS = {
  npm11: { package: 'npm@11', bin: 'npm/bin/npm-cli.js', node: 20, add: ['install'], run: npx },
  npm12: { package: 'npm@12', bin: 'npm/bin/npm-cli.js', node: 22, add: ['install'], run: npx },
  pnpm: { package: 'pnpm@12', bin: 'pnpm/bin/pnpm.mjs', node: 20, add: ['add'], run: npx },
  yarn: { ...yarn('node-modules'), run: npx },
  pnp: { ...yarn('pnp'), run: yarnNode },
  bun: {
    package: '@oven/bun-linux-x64@1',
    bin: '@oven/bun-linux-x64/bin/bun',
    native: true,
    add: ['add'],
    run: npx,
  },
};

const COMPLAINT = /warn|ignored|blocked|allow-scripts|deprecat|peer|YN00(?!00|13|85)\d\d/i;
// Plug'n'Play says this of every ES module, and counts it at the end.
const NOT_OURS = /YN0092: .* ESM support for PnP uses the experimental|YN0000: . Done with warnings/;

/** Installs `tarball` with the manager `name`, and uses it on each of `nodes`, paths of node programs. */
export function tryManager(name, tarball, nodes) {
  const manager = MANAGERS[name];
  if (manager === undefined)
    throw new Error(`no manager ${name}; there are ${Object.keys(MANAGERS).join(', ')}`);
  const command = fetchManager(name, manager, nodes);
  if (command === undefined) return;
  const project = newProject(name);
  if (manager.linker !== undefined) {
    writeFileSync(join(project, '.yarnrc.yml'), `nodeLinker: ${manager.linker}\nenableTelemetry: false\n`);
    writeFileSync(join(project, 'yarn.lock'), '');
  }
  const result = spawnSync(command[0], [...command.slice(1), ...manager.add, tarball], options(project));
  const said = result.stdout + result.stderr;
  const complaint = said.split('\n').find(line => COMPLAINT.test(line) && !NOT_OURS.test(line));
  if (result.status !== 0 || complaint !== undefined)
    return fail(`${name}: status ${result.status}, "${complaint}"`, said);
  if (
    name.startsWith('npm') &&
    readFileSync(join(project, 'package-lock.json'), 'utf8').includes('hasInstallScript')
  )
    return fail(`${name}: a dependency has an install script`);
  if (manager.linker !== 'pnp' && !binIsLinked(name, project)) return;
  for (const node of nodes) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    useIt(`${name}, ${version}`, project, manager.run({ node, project, command }));
  }
}

/** As `npx deferred-sweep` does, with the Node in PATH. True if it held. */
function binIsLinked(name, project) {
  const bin = join(project, 'node_modules/.bin/deferred-sweep');
  const { status, stdout, stderr } = spawnSync(bin, ['--version'], options(project));
  if (status === 0 && /^\d+\.\d+\.\d+/.test(stdout)) return true;
  fail(`${name}: node_modules/.bin/deferred-sweep, status ${status}`, stderr);
  return false;
}

function yarn(linker) {
  return {
    package: '@yarnpkg/cli-dist@4',
    bin: '@yarnpkg/cli-dist/bin/yarn.js',
    node: 20,
    add: ['add'],
    linker,
  };
}

/** How a program of the project, or the package's command line, is run by `node` where there is a node_modules. */
export function npx({ node, project }) {
  return ([program, ...args]) => [
    node,
    program === 'deferred-sweep'
      ? [join(project, 'node_modules/deferred-sweep/dist/cli/start.cjs'), ...args]
      : [program, ...args],
  ];
}

/** Plug'n'Play has to be told to each process; its bins are found by yarn alone. */
function yarnNode({ node, command }) {
  return args => [node, [...command.slice(1), args[0] === 'deferred-sweep' ? 'run' : 'node', ...args]];
}

/** The command line of a manager; undefined, and told, where no Node is here that runs it. */
function fetchManager(name, manager, nodes) {
  const directory = join(work, `tool-${manager.package.replaceAll(/\W/g, '-')}`);
  if (!existsSync(directory)) {
    mkdirSync(directory);
    writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
    npmInstall(directory, manager.package);
  }
  const bin = join(directory, 'node_modules', manager.bin);
  if (manager.native) return [bin];
  const node = nodes.find(
    path => Number(execFileSync(path, ['-p', 'process.versions.node.split(".")[0]'])) >= manager.node,
  );
  if (node === undefined)
    return fail(`${name}: NOT TESTED: it needs Node ${manager.node}, and none of those chosen is`);
  return [node, bin];
}
