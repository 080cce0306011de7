// One compiler's way from the sources of addon.gypi to an addon. For build.mjs, and for the prebuilt addons.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Compiles and links the addon into the file `output`, whose directory exists.
 *
 * `compiler` and `linker` are command lines: an array of the program and what comes before our arguments. `system` is
 * `'darwin'`, or anything else for ELF. `flags` are added for the compiler. Throws what execFileSync throws; what the
 * compiler says goes to stderr.
 */
export function compile({ compiler, linker = compiler, system, flags = [], output }) {
  const addon = readAddon();
  const objects = mkdtempSync(join(tmpdir(), 'deferred-sweep-build-'));
  try {
    const paths = addon.sources.map(source => {
      const object = join(objects, `${source}.o`);
      run(compiler, [
        ...['-c', '-O2', '-g0', '-fPIC', ...flags, ...addon.cflags, ...addon.cflags_cc],
        ...[...addon.defines, 'NODE_GYP_MODULE_NAME=deferred_sweep'].map(define => `-D${define}`),
        ...['-isystem', join(here, 'include'), join(here, source), '-o', object],
      ]);
      return object;
    });
    const linkFlags =
      system === 'darwin'
        ? ['-Wl,-undefined,dynamic_lookup', '-Wl,-dead_strip']
        : [...addon.ldflags, `-Wl,--version-script=${join(here, 'exports.map')}`, '-s'];
    run(linker, ['-shared', ...flags, ...paths, ...linkFlags, '-o', output]);
  } finally {
    rmSync(objects, { recursive: true });
  }
}

/** As {@link compile}, the program `become_user` instead of the addon. */
export function compileBecomeUser({ compiler, linker = compiler, system, flags = [], output }) {
  // A C++ compiler would ask for its library.
  const asNeeded = system === 'darwin' ? [] : ['-Wl,--as-needed', '-s'];
  const source = ['-x', 'c', join(here, 'become_user.c')];
  run(linker, ['-O2', '-g0', '-Wall', '-Wextra', ...flags, ...source, ...asNeeded, '-o', output]);
}

function run([program, ...first], args) {
  execFileSync(program, [...first, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** A gyp file is JavaScript's literals with another comment sign. */
function readAddon() {
  const text = readFileSync(join(here, 'addon.gypi'), 'utf8').replaceAll(/^\s*#.*$/gm, '');
  return runInNewContext(`(${text})`);
}
