/** What a program has is as it was when it has loaded this package. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

test('a program that loads the package may still wait for its standard input', async () => {
  const code = `import { readSync } from 'node:fs';
    await import(${JSON.stringify(import.meta.resolve('#dist/index.js'))});
    console.log('loaded');
    readSync(0, Buffer.alloc(1));
    console.log('read');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.once('data', () => child.stdin.end('x'));
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(said, 'loaded\nread\n');
});
