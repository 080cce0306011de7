/** The public doors, as the bundler makes them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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
