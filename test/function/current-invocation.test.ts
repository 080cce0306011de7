import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager } from '#dist/index.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

test('a copy of what a function is told of its invocation has all of it', async t => {
  const base = freshDirectory(t);
  const path = join(base, 'told');
  await new DeferredFunctionManager(base, { logger: null }).run(defer => {
    defer(
      async (library: string, to: string) => {
        const { currentInvocation } = (await import(library)) as typeof import('#dist/index.js');
        const { writeFileSync } = await import('node:fs');
        const copy = { ...currentInvocation()! };
        writeFileSync(to, JSON.stringify([Object.keys(copy).sort(), copy.signal.aborted]));
      },
      import.meta.resolve('#dist/index.js'),
      path,
    );
  });
  const names = ['attempt', 'orphaned', 'owner', 'registeredAt', 'sameBoot', 'signal'];
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), [names, false]);
});
