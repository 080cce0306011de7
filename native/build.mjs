// Compiles the addon for this machine, where there is no prebuilt one: node native/build.mjs
// It takes a C++17 compiler, `c++` or what the environment variable CXX names, and nothing else: no network, no make.
// In a checkout `npm run build:native` does it with node-gyp instead; the headers are not in native/include there.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compile, compileBecomeUser } from './compile.mjs';

if (!existsSync(new URL('include/napi.h', import.meta.url))) {
  console.error(
    'native/build.mjs: no headers in native/include, so this is a checkout: npm run build:native',
  );
  process.exit(2);
}
const compiler = (process.env.CXX || 'c++').split(' ').filter(word => word !== '');
const directory = fileURLToPath(new URL('../build/Release/', import.meta.url));
const output = `${directory}deferred_sweep.node`;
const becomeUser = `${directory}become_user`;
mkdirSync(directory, { recursive: true });
try {
  // Renamed when complete: a process that has the old one mapped keeps it.
  compile({ compiler, system: process.platform, output: `${output}.new` });
  compileBecomeUser({ compiler, system: process.platform, output: `${becomeUser}.new` });
} catch (error) {
  console.error(`native/build.mjs: cannot compile the addon with ${compiler.join(' ')}: ${error.message}`);
  if (error.code === 'ENOENT') console.error('install a C++ compiler (g++ or clang++), or name one in CXX');
  process.exit(1);
}
renameSync(`${output}.new`, output);
renameSync(`${becomeUser}.new`, becomeUser);
createRequire(import.meta.url)(output);
console.log(`compiled, and it loads: ${output}`);
