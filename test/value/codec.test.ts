import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const require = createRequire(import.meta.url);
const isLoaded = (): boolean => Object.keys(require.cache).some(path => path.includes('cbor-x'));

test('nothing is loaded before the first value is encoded, and then no native code', async () => {
  const { snapshot } = await import('#dist/value/encode.js');
  const { restore } = await import('#dist/value/decode.js');
  assert.equal(isLoaded(), false);
  assert.throws(() => restore(Buffer.from('ff', 'hex')));
  assert.equal(isLoaded(), false, 'bytes out of bounds do not get to cbor-x');
  assert.deepEqual(restore(snapshot([1], 'args')), [1]);
  assert.equal(isLoaded(), true);
  assert.ok(!Object.keys(require.cache).some(path => /cbor-extract|\.node$/.test(path)));
});

test('values are stored and restored where code cannot be made from text', () => {
  const program = `
    import { snapshot } from ${JSON.stringify(import.meta.resolve('#dist/value/encode.js'))};
    import { restore } from ${JSON.stringify(import.meta.resolve('#dist/value/decode.js'))};
    for (let i = 0; i < 10; i++) restore(snapshot([{ a: 1, b: new Map([[1, /x/]]) }], 'args'));
    console.log('done');`;
  const flags = ['--disallow-code-generation-from-strings', '--frozen-intrinsics', '--no-warnings'];
  const stdout = execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'done\n');
});

test('a large value does not leave its memory behind', async () => {
  const { encode, decode } = await import('#dist/value/codec.js');
  assert.equal((decode(encode('x'.repeat(10_000_000))) as string).length, 10_000_000);
  assert.ok(encode('x'.repeat(1_000_000)).buffer.byteLength < 1_100_000);
  assert.ok(encode(1).buffer.byteLength <= 64 * 1024);
});

test('an encoding that fails does not spoil the next', async () => {
  const { encode } = await import('#dist/value/codec.js');
  assert.throws(() => encode(['x'.repeat(5000), () => 1]));
  assert.equal(encode({ a: 1 }).toString('hex'), 'a1616101');
});
