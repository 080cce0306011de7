import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addonPath } from '#dist/lock/native.js';
import { packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const host = fileURLToPath(new URL('../../test/fixtures/musl-host.c', import.meta.url));
const muslMissing =
  spawnSync('musl-gcc', ['--version']).status === 0
    ? false
    : 'NOT TESTED: musl-gcc is not installed (Debian: musl-tools)';

/** Also the one for the package, where it was built. */
const addons = [
  addonPath(),
  join(packageRoot, `prebuilds/${process.platform}-${process.arch}/deferred_sweep.node`),
];

for (const addon of new Set(addons.filter(path => existsSync(path)))) {
  const name = relative(packageRoot, addon);
  test(`${name} locks in a process of musl's, which has neither glibc nor a C++ library`, {
    skip: muslMissing,
  }, t => {
    const directory = freshDirectory(t);
    const stubs = join(directory, 'napi-stubs.c');
    writeFileSync(stubs, stubsFor(addon, readFileSync(host, 'utf8')));
    const program = join(directory, 'musl-host');
    execFileSync('musl-gcc', ['-std=gnu11', '-w', '-rdynamic', host, stubs, '-o', program]);
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const { stdout, stderr } = spawnSync(program, [addon, file], { encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.equal(stdout, 'true false\n');
  });
}

/** What of Node-API and libuv the addon names and the host has not. */
function stubsFor(addon: string, source: string): string {
  const symbols = execFileSync('nm', ['--dynamic', '--undefined-only', addon], { encoding: 'utf8' });
  const names = [...symbols.matchAll(/\b(napi|node_api|uv)_\w+/g)].map(([name]) => name);
  return names
    .filter(name => !source.includes(` ${name}(`))
    .map(name => `void ${name}(void) { __builtin_trap(); }\n`)
    .join('');
}
