/** What transpilers and coverage tools put into a function is given back where it runs: it is none of its user's doing. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileFunction } from 'node:vm';
import { type AnyFunction, DeferredFunction } from '#dist/index.js';

const here = import.meta.dirname;

/** A function that a script at /…/script.js returns. */
function inScript(text: string): AnyFunction {
  const script = compileFunction(text, ['require'], { filename: join(here, 'script.js') });
  return script(createRequire(import.meta.url)) as AnyFunction;
}

/** Stores the function and runs it; nothing of what is `provided` may be stored with it. */
async function storedAndRun(text: string, provided: readonly string[] = []): Promise<unknown> {
  const deferred = DeferredFunction.create(inScript(text));
  const { descriptor } = deferred;
  assert.ok(descriptor.kind === 'source');
  assert.deepEqual(descriptor.provided, provided);
  if (provided.length > 0) assert.equal(descriptor.closure, undefined);
  return await deferred.invoke();
}

test("esbuild's and tsx's __name names functions as before", async () => {
  const result = await storedAndRun(
    `
    const __defProp = Object.defineProperty;
    const __name = (target, value) => __defProp(target, 'name', { value, configurable: true });
    return () => { const inner = __name(() => 1, 'outer'); return [inner.name, inner()]; };`,
    ['__name'],
  );
  assert.deepEqual(result, ['outer', 1]);
});

test("istanbul's counters count nothing, and change nothing", async () => {
  const result = await storedAndRun(
    `
    function cov_2k9xq1() { return { s: { 0: 0 }, f: { 0: 0 }, b: { 0: [0, 0] } }; }
    return () => {
      cov_2k9xq1().f[0]++;
      cov_2k9xq1().s[0]++;
      return 1 ? (cov_2k9xq1().b[0][0]++, 'then') : (cov_2k9xq1().b[0][1]++, 'else');
    };`,
    ['cov_2k9xq1'],
  );
  assert.equal(result, 'then');
});

test("TypeScript's __awaiter is stored with the function", async () => {
  const result = await storedAndRun(`
    var __awaiter = (this && this.__awaiter) || function (thisArg, _arguments, P, generator) {
      function adopt(value) { return value instanceof P ? value : new P(resolve => resolve(value)); }
      return new (P || (P = Promise))((resolve, reject) => {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator.throw(value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
      });
    };
    const number = 41;
    return () => __awaiter(this, void 0, void 0, function* () { return number + (yield Promise.resolve(1)); });`);
  assert.equal(result, 42);
});

test("babel's _interopRequireDefault is stored with the function", async () => {
  const result = await storedAndRun(`
    function _interopRequireDefault(e) { return e && e.__esModule ? e : { default: e }; }
    var _path = _interopRequireDefault(require('node:path'));
    return () => [_path.default.basename('/a/b'), _interopRequireDefault(1).default];`);
  assert.deepEqual(result, ['b', 1]);
});

test("vite's import() resolves as where it was written", async () => {
  const result = await storedAndRun(
    `
    const __vite_ssr_dynamic_import__ = () => { throw new Error('of a vite that is gone'); };
    return async () => Object.keys(await __vite_ssr_dynamic_import__('./forms.js'));`,
    ['__vite_ssr_dynamic_import__'],
  );
  assert.deepEqual(result, ['FORMS']);
});

test('a captured require is made anew', async () => {
  const result = await storedAndRun(
    `return () => require('node:path').basename(require.resolve('./forms.js'));`,
    ['require'],
  );
  assert.equal(result, 'forms.js');
});

test('something of the same name that is not it is captured as it is', async () => {
  assert.deepEqual(await storedAndRun(`const __name = ['mine']; return () => __name;`), ['mine']);
  assert.equal(
    await storedAndRun(`{ const require = path => path + '!'; return () => require('x'); }`),
    'x!',
  );
});
