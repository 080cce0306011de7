/** A bundled or copied program that was killed: its functions are found again by the sweep of the same deployment. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot, plainEnvironment } from '../../helpers/command-line.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';

const directory = join(packageRoot, 'examples/bundlers');
const skip = existsSync(join(directory, 'node_modules/deferred-sweep'))
  ? false
  : 'SKIPPED: the packages of examples/bundlers are not installed; npm run test:bundlers installs them';

/** Runs a program of a directory to its end, which must be a good one. */
function run(cwd: string, program: string, ...args: string[]): string {
  const env = plainEnvironment();
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const bundle = (program: string, ...args: string[]): string =>
  run(directory, join('node_modules', program), ...args);

/** Has a deployment's program killed by SIGKILL, then its sweep run what was registered. */
function assertCleansUp(t: TestContext, cwd: string, program: string): void {
  const base = freshDirectory(t);
  const env = plainEnvironment();
  const killed = spawnSync(process.execPath, [program, base], { cwd, env, encoding: 'utf8' });
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  assert.deepEqual(readdirSync(base).sort(), ['deferred', 'scratch']);
  assert.match(
    run(cwd, 'node_modules/deferred-sweep/dist/cli/start.cjs', 'cleanup', base),
    / 3 done, 0 failed/,
  );
  assert.deepEqual(readdirSync(base).sort(), ['note', 'tidied']);
}

const esbuild = ['src/program.js', '--bundle', '--platform=node', '--external:deferred-sweep'];
const ncc = ['build', 'src/program.js', '-e', 'deferred-sweep', '-e', 'deferred-sweep/lock', '-o', 'out/ncc'];
const forms: [string, string, () => void][] = [
  [
    'esbuild',
    'out/esbuild/program.mjs',
    () => bundleBinary('esbuild', ...esbuild, '--format=esm', '--outfile=out/esbuild/program.mjs'),
  ],
  [
    'esbuild, minified',
    'out/esbuild-min/program.mjs',
    () =>
      bundleBinary(
        'esbuild',
        ...esbuild,
        '--format=esm',
        '--minify',
        '--outfile=out/esbuild-min/program.mjs',
      ),
  ],
  [
    'esbuild to CommonJS',
    'out/esbuild-cjs/program.cjs',
    () => bundleBinary('esbuild', ...esbuild, '--format=cjs', '--outfile=out/esbuild-cjs/program.cjs'),
  ],
  ['ncc', 'out/ncc/index.js', () => bundle('@vercel/ncc/dist/ncc/cli.js', ...ncc)],
  ['vite', 'out/vite/program.js', () => bundle('vite/bin/vite.js', 'build', '--logLevel', 'error')],
  ['rollup', 'out/rollup/program.js', () => bundle('rollup/dist/bin/rollup', '--config', '--silent')],
  ['webpack', 'out/webpack/program.js', () => run(directory, 'run-webpack.js', './webpack.config.js')],
  [
    'webpack to CommonJS, as Next does',
    'out/commonjs/program.cjs',
    () => run(directory, 'run-webpack.js', './webpack.commonjs.config.js'),
  ],
];

/** Of a package whose command is a program of its own. */
function bundleBinary(name: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(join(directory, 'node_modules/.bin', name), args, {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}

for (const [name, program, build] of forms)
  test(`a program bundled by ${name} is cleaned up after its SIGKILL`, { skip }, t => {
    rmSync(join(directory, program), { force: true });
    build();
    assert.match(readFileSync(join(directory, program), 'utf8'), /tidied/, 'it is bundled');
    assertCleansUp(t, directory, program);
  });

for (const program of ['src/program.js', 'out/commonjs/program.cjs'])
  test(`${program} with the files that @vercel/nft finds is cleaned up in another directory`, { skip }, t => {
    const copy = freshDirectory(t);
    run(directory, 'trace.js', join(directory, program), copy);
    assert.ok(!existsSync(join(copy, 'node_modules/webpack')));
    // The command is a program of its own: it is traced as one.
    run(directory, 'trace.js', join(directory, 'node_modules/deferred-sweep/dist/cli/start.cjs'), copy);
    assertCleansUp(t, copy, program);
  });

test('a deployment that is copied, as by the second stage of a Dockerfile, is cleaned up, also after it was moved', {
  skip,
}, t => {
  const stages = freshDirectory(t);
  const first = join(stages, 'build');
  mkdirSync(join(first, 'node_modules'), { recursive: true });
  cpSync(join(directory, 'src'), join(first, 'src'), { recursive: true });
  cpSync(join(directory, 'package.json'), join(first, 'package.json'));
  for (const name of productionPackages())
    cpSync(join(directory, 'node_modules', name), join(first, 'node_modules', name), { recursive: true });
  const second = join(stages, 'app');
  cpSync(first, second, { recursive: true });
  rmSync(first, { recursive: true });
  assertCleansUp(t, second, 'src/program.js');
  renameSync(second, first);
  assertCleansUp(t, first, 'src/program.js');
});

/** What `npm ci --omit=dev` of a program that needs only this package installs. */
function productionPackages(): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const manifest = JSON.parse(
      readFileSync(join(directory, 'node_modules', name, 'package.json'), 'utf8'),
    ) as {
      dependencies?: object;
    };
    for (const dependency of Object.keys(manifest.dependencies ?? {})) add(dependency);
  };
  add('deferred-sweep');
  return [...found];
}

test('a test of Jest in its CommonJS mode can require the package and have functions run', { skip }, () => {
  bundle('jest/bin/jest.js', '--config', 'jest/jest.config.cjs', '--silent', '--no-cache');
});

test('every configuration is on the page as it was run', { skip }, () => {
  const page = readFileSync(join(packageRoot, 'docs/bundlers.md'), 'utf8');
  const files = ['vite.config.js', 'rollup.config.js', 'webpack.config.js', 'webpack.commonjs.config.js'];
  files.push('jest/environment.cjs', 'jest/deferred-sweep.cjs', 'jest/jest.config.cjs');
  for (const file of files) assert.ok(page.includes(readFileSync(join(directory, file), 'utf8')), file);
  for (const words of [esbuild.slice(1), ncc]) assert.ok(page.includes(words.join(' ')));
});
