// The settings that DEFERRED_ADDON_MISSING gives: with its setting a bundled program works, and without it the error gives
// the setting. The configurations of docs/bundlers.md are run by `npm run test:bundlers`.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npx } from './managers.mjs';
import { useIt, writeReadmeProgram } from './use.mjs';
import { fail, newProject, npmInstall, options } from './work.mjs';

// `settings` are as the error has them. `config` makes the bundler's file of such settings;
// without them it bundles everything. All bundle worker.mjs into out/worker.mjs.
const BUNDLERS = {
  esbuild: {
    packages: ['esbuild@0.28'],
    command: settings => [
      'esbuild/bin/esbuild',
      ...['worker.mjs', '--bundle', '--platform=node', '--format=esm', '--outfile=out/worker.mjs'],
      ...(settings ? [settings] : []),
    ],
    settings: '--external:deferred-sweep',
  },
  vite: {
    packages: ['vite@7'],
    command: () => ['vite/bin/vite.js', 'build', '--logLevel', 'error', '--config', 'config.mjs'],
    // Its own default leaves all packages outside.
    config: settings => `
      const documented = { ${settings} };
      export default {
        build: { ssr: 'worker.mjs', outDir: 'out', target: 'node20', rollupOptions: { output: { entryFileNames: 'worker.mjs' } } },
        ssr: { noExternal: true, ...documented.ssr },
      };`,
    settings: "ssr: { external: ['deferred-sweep'] }",
  },
  webpack: {
    packages: ['webpack@5', 'webpack-cli@6'],
    command: () => ['webpack/bin/webpack.js', '--config', 'config.mjs'],
    config: settings => `
      export default {
        mode: 'none', target: 'node20', entry: './worker.mjs', stats: 'errors-only',
        output: { path: process.cwd() + '/out', filename: 'worker.mjs', module: true, chunkFormat: 'module' },
        experiments: { outputModule: true },
        ${settings}
      };`,
    settings: "externalsType: 'module', externals: [/^deferred-sweep/], experiments: { outputModule: true }",
  },
  rollup: {
    packages: ['rollup@4', '@rollup/plugin-node-resolve@16', '@rollup/plugin-commonjs@28'],
    command: () => ['rollup/dist/bin/rollup', '--silent', '--config', 'config.mjs'],
    config: settings => `
      import resolve from '@rollup/plugin-node-resolve';
      import commonjs from '@rollup/plugin-commonjs';
      export default {
        input: 'worker.mjs', output: { dir: 'out', entryFileNames: 'worker.mjs' },
        plugins: [resolve({ preferBuiltins: true }), commonjs()],
        ${settings}
      };`,
    settings: 'external: [/^deferred-sweep/]',
  },
};

/** Bundles README's program by each, with and without the setting, on the Node that runs this. */
export function tryBundlers(tarball) {
  for (const [name, bundler] of Object.entries(BUNDLERS)) tryBundler(name, bundler, tarball);
}

function tryBundler(name, bundler, tarball) {
  const project = newProject(name);
  npmInstall(project, tarball, ...bundler.packages);
  writeReadmeProgram(project);
  const run = npx({ node: process.execPath, project });
  const inside = bundle(project, bundler, '');
  if (inside.status !== 0) return fail(`${name}: bundling everything`, inside.stdout + inside.stderr);
  const { status, stderr } = spawnSync(...run(['out/worker.mjs']), options(project));
  if (status === 0 || !stderr.includes('DEFERRED_ADDON_MISSING') || !stderr.includes(bundler.settings))
    return fail(`${name}: bundled into the program, status ${status}`, stderr);
  console.log(`ok: ${name}: bundled into the program, the error gives its setting`);

  const outside = bundle(project, bundler, bundler.settings);
  if (outside.status !== 0) return fail(`${name}: with its setting`, outside.stdout + outside.stderr);
  useIt(`${name}, with its setting`, project, run, 'out/worker.mjs');
}

/** Bundles out/worker.mjs; `settings` are those of the error, or none. */
function bundle(project, { command, config }, settings) {
  if (config !== undefined) writeFileSync(join(project, 'config.mjs'), config(settings));
  const [program, ...args] = command(settings);
  return spawnSync(process.execPath, [join(project, 'node_modules', program), ...args], options(project));
}
