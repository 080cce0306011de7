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
