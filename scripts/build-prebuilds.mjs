// Makes prebuilds/ and native/include/ of the package: node scripts/build-prebuilds.mjs [--all]
// What cannot be made here is said, loudly; with --all, that of a release, it ends the script with 1. Whatever is made
// is checked: a Linux addon that needs a younger glibc than 2.17, or a C++ library, is an error everywhere.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, compileBecomeUser } from '../native/compile.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const require = createRequire(import.meta.url);

// The glibc of RHEL 7, and the first of arm64. MACOSX_DEPLOYMENT_TARGET of addon.gypi.
const targets = [
  {
    ...{ name: 'linux-x64', system: 'linux' },
    ...{ zig: 'x86_64-linux-gnu.2.17', musl: 'x86_64-linux-musl', gcc: 'x86_64-linux-gnu-g++' },
  },
  {
    ...{ name: 'linux-arm64', system: 'linux' },
    ...{ zig: 'aarch64-linux-gnu.2.17', musl: 'aarch64-linux-musl', gcc: 'aarch64-linux-gnu-g++' },
  },
  { name: 'darwin-x64', system: 'darwin', zig: 'x86_64-macos.11.0', apple: 'x86_64' },
  { name: 'darwin-arm64', system: 'darwin', zig: 'aarch64-macos.11.0', apple: 'arm64' },
];

const all = process.argv.includes('--all');
rmSync(join(root, 'prebuilds'), { recursive: true, force: true });
copyHeaders();
const zig = findZig();
const missing = [];
for (const target of targets) {
  const toolchain = toolchainFor(target);
  if (toolchain === undefined) {
    missing.push(target.name);
    continue;
  }
  const directory = join(root, 'prebuilds', target.name);
  mkdirSync(directory, { recursive: true });
  const output = join(directory, 'deferred_sweep.node');
  compile({ ...toolchain, system: target.system, output });
  const becomeUser = join(directory, 'become_user');
  compileBecomeUser({ ...toolchain, system: target.system, output: becomeUser });
  if (target.system === 'linux') for (const path of [output, becomeUser]) checkLinuxAddon(path);
  if (target.musl !== undefined) compileForMusl(target, directory);
  console.log(`prebuilt ${target.name}: ${statSync(output).size} bytes, by ${toolchain.compiler.join(' ')}`);
}
if (missing.length > 0) {
  console.error(
    `\nNOT PREBUILT: ${missing.join(', ')}. No compiler for them is here; see docs/installing.md#releasing`,
  );
  console.error('A package without them is not for release: there the addon has to be compiled.\n');
  if (all) process.exit(1);
}

/** So that native/build.mjs needs no other package. */
function copyHeaders() {
  const include = join(root, 'native', 'include');
  rmSync(include, { recursive: true, force: true });
  const addonApi = dirname(require.resolve('node-addon-api/package.json'));
  for (const name of ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h'])
    copyHeader(join(addonApi, name), name);
  copyHeader(join(addonApi, 'LICENSE.md'), 'LICENSE.node-addon-api.md');
  const nodeApi = dirname(require.resolve('node-api-headers/package.json'));
  for (const name of ['node_api.h', 'node_api_types.h', 'js_native_api.h', 'js_native_api_types.h'])
    copyHeader(join(nodeApi, 'include', name), name);
  copyHeader(join(nodeApi, 'LICENSE'), 'LICENSE.node-api-headers');
}

function copyHeader(from, name) {
  cpSync(from, join(root, 'native', 'include', name));
}

/** The path of a zig, from the registry if need be; undefined if there is none. */
function findZig() {
  if (process.platform === 'linux' && process.arch === 'x64') {
    const directory = join(root, 'scripts', 'zig');
    const path = join(directory, 'node_modules', '@ryoppippi', 'zig-linux-x64', 'zig');
    if (!existsSync(path)) {
      console.log('fetching zig, the cross-compiler, from the npm registry into scripts/zig/node_modules');
      const { npm_execpath: npm } = process.env;
      const command = npm === undefined ? ['npm'] : [process.execPath, npm];
      const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      spawnSync(command[0], [...command.slice(1), ...options], { cwd: directory, stdio: 'inherit' });
    }
    if (existsSync(path)) return path;
  }
  return works('zig', 'version') ? 'zig' : undefined;
}

function toolchainFor(target) {
  if (process.platform === 'darwin' && target.apple !== undefined) {
    return { compiler: ['c++'], flags: ['-arch', target.apple, '-mmacosx-version-min=11.0'] };
  }
  if (zig !== undefined) {
    return {
      // The C compiler links: the C++ one would compile a whole C++ library first, which is not needed.
      compiler: [zig, 'c++'],
      linker: [zig, 'cc', '-s'],
      flags: ['-target', target.zig, '-DDEFERRED_SWEEP_WITHOUT_CXX_LIBRARY'],
    };
  }
  return target.gcc !== undefined && works(target.gcc, '--version') ? { compiler: [target.gcc] } : undefined;
}

/** The addon loads on musl as it is; a program names its loader, so musl gets one of its own, which needs none. */
function compileForMusl(target, directory) {
  if (zig === undefined) {
    missing.push(`${target.name}/become_user_musl`);
    return;
  }
  const output = join(directory, 'become_user_musl');
  const flags = ['-target', target.musl, '-static'];
  compileBecomeUser({ compiler: [zig, 'c++'], linker: [zig, 'cc', '-s'], flags, system: 'linux', output });
  checkLinuxAddon(output);
}

function works(program, option) {
  return spawnSync(program, [option]).status === 0;
}

/** Throws if the addon would not load on an old glibc, or on musl, which is taken for libc.so.6 and libpthread.so.0. */
function checkLinuxAddon(path) {
  const options = ['--segments', '--dynamic', '--dyn-syms', '--version-info', '--wide'];
  const text = execFileSync('readelf', [...options, path], { encoding: 'utf8' });
  const libraries = [...text.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => library);
  const strangers = libraries.filter(library => !['libc.so.6', 'libpthread.so.0'].includes(library));
  const young = [...text.matchAll(/Name: GLIBC_2\.(\d+)/g)]
    .filter(([, minor]) => Number(minor) > 17)
    .map(([, minor]) => `glibc 2.${minor}`);
  const cxx = [...text.matchAll(/ UND (_ZN?[A-Z]?\S+|__cxa_(?!finalize)\S+)/g)].map(([, symbol]) => symbol);
  // A part of the C library that was linked in has an errno of its own, and musl does not load it.
  const thread = /^ +TLS /m.test(text) ? ['memory of each thread (TLS)'] : [];
  const needed = [...new Set([...strangers, ...young, ...cxx, ...thread])];
  if (needed.length > 0) {
    throw new Error(
      `${path} needs ${needed.join(', ')}; it may need glibc 2.17 at most, and no other library`,
    );
  }
}
