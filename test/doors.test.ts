/** The public doors, as the bundler makes them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../', import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  exports: Record<string, string | { default?: string }>;
};
/** Records name the functions of these files. */
const DEFERRED = ['remove-path', 'end-processes', 'kill-process', 'run-command', 'request-url'];

test('what a door exports has the name under which it is exported', async () => {
  const doors = Object.values(exports).map(door => (typeof door === 'string' ? door : (door.default ?? '')));
  const files = [...doors, ...DEFERRED.map(name => `dist/actions/${name}.js`)].filter(path =>
    path.endsWith('.js'),
  );
  assert.ok(files.length >= 9);
  for (const file of files) {
    const door = (await import(new URL(file, root).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(door))
      if (typeof value === 'function') assert.equal(value.name, name, file);
  }
});

/** The files that a file imports at once, and what these import. */
function importsOf(file: URL, found: Set<string> = new Set()): Set<string> {
  for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) .*?['"](\.[^'"]+)['"];$/gm,
  )) {
    const imported = new URL(from, file);
    if (found.has(imported.href)) continue;
    found.add(imported.href);
    importsOf(imported, found);
  }
  return found;
}

// Each worker would pay for it: to load 45 kilobytes of it took a fifth of the time of an import.
test('a program that imports a door loads nothing of the command', () => {
  const doors = Object.values(exports).flatMap(door =>
    typeof door === 'string' ? [] : (door.default ?? []),
  );
  for (const door of doors) {
    const files = [...importsOf(new URL(door, root))];
    assert.ok(
      files.some(file => file.endsWith('/chunks/lock.js')),
      door,
    );
    assert.deepEqual(
      files.filter(file => /chunks\/(command|sweep-command|rest)\.js|dist\/cli\//.test(file)),
      [],
      door,
    );
  }
});

// Webpack follows each of these, and ends with an error where there is no such file. What an installation has compiled,
// and of prebuilds those of its own platform, are not in each.
test('a file that is named in a URL is in each installation', () => {
  const dist = new URL('dist/', root);
  const named = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter(path => /\.c?js$/.test(path))
    .flatMap(path => {
      const module = new URL(path, dist);
      const urls = readFileSync(module, 'utf8').matchAll(
        /new URL\(\s*["'`]([^"'`]+)["'`],\s*import\.meta\.url/g,
      );
      return [...urls].map(([, url = '']) => new URL(url, module).href.slice(root.href.length));
    });
  assert.ok(named.includes('dist/runner/main.js'));
  for (const file of named) assert.match(file, /^(dist\/.*|package\.json|)$/);
});
