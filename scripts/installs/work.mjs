// What every trial of an installation needs: a work directory, empty projects, Nodes of the registry, a stranger's
// environment, and the count of what failed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const work = mkdtempSync(join(tmpdir(), 'deferred-sweep-installs-'));
const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
const userConfig = join(work, 'npmrc');
writeFileSync(userConfig, `registry=${registry}\n`);

let failures = 0;

/** Counts a failure and prints it, with what a program said. */
export function fail(what, said = '') {
  failures += 1;
  console.error(`FAILED: ${what}\n${said.trim().replaceAll(/^/gm, '    ')}`);
}

/** Removes the work directory, says what became of all trials, and sets the exit status. */
export function finish() {
  rmSync(work, { recursive: true, force: true });
  console.log(failures === 0 ? 'test-installs: ok' : `test-installs: ${failures} FAILED`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** An empty project that depends on nothing. */
export function newProject(name) {
  const project = join(work, `project-${name}`);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  return project;
}

/** Installs packages with this machine's npm, which is not what is tried here. */
export function npmInstall(project, ...packages) {
  execFileSync(
    'npm',
    ['install', '--ignore-scripts', '--silent', '--no-audit', '--no-fund', ...packages],
    options(project),
  );
}

/** The path of a Node of the npm registry. */
export function fetchNode(packageName, version) {
  const directory = join(work, `${packageName}-${version}`);
  mkdirSync(directory);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `${packageName}@${version}`]);
  const archive = join(work, `${packageName}-${version}.tgz`);
  execFileSync('tar', ['-xzf', archive, '-C', directory, '--strip-components=1']);
  rmSync(archive);
  return join(directory, 'bin/node');
}

/** As a stranger's shell: no setting of the npm that runs this script, nor of this machine, but for the registry. */
export function options(cwd) {
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
