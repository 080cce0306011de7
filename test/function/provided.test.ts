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
    function cov_2k9xq1() {
      var actualCoverage = { s: { 0: 0 }, f: { 0: 0 }, b: { 0: [0, 0] } };
      { cov_2k9xq1 = function () { return actualCoverage; }; }
      return actualCoverage;
    }
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

/** As Babel 7.29, Babel 7.20, swc 1.15 and TypeScript 6.0 write it; all but the first before their first call and after it. */
const interops: Readonly<Record<string, readonly [name: string, text: string]>> = {
  Babel: [
    '_interopRequireWildcard',
    `var cache;
    function _interopRequireWildcard(e, t) { if (!t && e && e.__esModule) return e; var r, c, a = Object.defineProperty, n = { __proto__: null, default: e }; if (Object(e) !== e) return n; if (cache || "function" != typeof WeakMap || (cache = new WeakMap()), cache) { if (cache.has(e)) return cache.get(e); cache.set(e, n); } for (c in e) "default" !== c && {}.hasOwnProperty.call(e, c) && ((r = a && Object.getOwnPropertyDescriptor(e, c)) && (r.get || r.set) ? a(n, c, r) : n[c] = e[c]); return n; }`,
  ],
  'Babel, that replaces itself': [
    '_interopRequireWildcard',
    `function _interopRequireWildcard(e, t) { if ("function" == typeof WeakMap) var r = new WeakMap(), n = new WeakMap(); return (_interopRequireWildcard = function (e, t) { if (!t && e && e.__esModule) return e; var o, i, f = { __proto__: null, default: e }; if (null === e || "object" != typeof e && "function" != typeof e) return f; if (o = t ? n : r) { if (o.has(e)) return o.get(e); o.set(e, f); } for (const t in e) "default" !== t && {}.hasOwnProperty.call(e, t) && ((i = (o = Object.defineProperty) && Object.getOwnPropertyDescriptor(e, t)) && (i.get || i.set) ? o(f, t, i) : f[t] = e[t]); return f; })(e, t); }`,
  ],
  swc: [
    '_interop_require_wildcard',
    `function _getRequireWildcardCache(nodeInterop) {
      var cacheBabelInterop = new WeakMap(), cacheNodeInterop = new WeakMap();
      return (_getRequireWildcardCache = function(nodeInterop) { return nodeInterop ? cacheNodeInterop : cacheBabelInterop; })(nodeInterop);
    }
    function _interop_require_wildcard(obj, nodeInterop) {
      if (!nodeInterop && obj && obj.__esModule) return obj;
      if (obj === null || typeof obj !== "object" && typeof obj !== "function") return { default: obj };
      var cache = _getRequireWildcardCache(nodeInterop);
      if (cache && cache.has(obj)) return cache.get(obj);
      var newObj = { __proto__: null };
      for (var key in obj) if (key !== "default" && Object.prototype.hasOwnProperty.call(obj, key)) {
        var desc = Object.getOwnPropertyDescriptor(obj, key);
        if (desc && (desc.get || desc.set)) Object.defineProperty(newObj, key, desc); else newObj[key] = obj[key];
      }
      newObj.default = obj;
      if (cache) cache.set(obj, newObj);
      return newObj;
    }`,
  ],
  TypeScript: [
    '__importStar',
    `var __createBinding = (o, m, k) => {
      var desc = Object.getOwnPropertyDescriptor(m, k);
      if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable))
        desc = { enumerable: true, get: function() { return m[k]; } };
      Object.defineProperty(o, k, desc);
    };
    var __importStar = (this && this.__importStar) || (function () {
      var ownKeys = function(o) {
        ownKeys = Object.getOwnPropertyNames || function (o) { return Object.keys(o); };
        return ownKeys(o);
      };
      return function (mod) {
        if (mod && mod.__esModule) return mod;
        var result = {};
        if (mod != null) for (var k = ownKeys(mod), i = 0; i < k.length; i++) if (k[i] !== "default") __createBinding(result, mod, k[i]);
        Object.defineProperty(result, "default", { enumerable: true, value: mod });
        return result;
      };
    })();`,
  ],
};

for (const [tool, [name, text]] of Object.entries(interops))
  for (const isCalled of [false, true])
    test(`import() as ${tool} makes it for CommonJS gives what it gave, ${isCalled ? 'after' : 'before'} a first call`, async () => {
      const script = `${text}
        const tell = () => {
          const own = { b: 1, get a() { return 2; }, default: 3 }, shown = ${name}(own);
          return [
            Object.keys(shown), shown.a, shown.b, shown.default === own, ${name}(own) === shown, 
            ${name}({ __esModule: true }).default, ${name}(1).default, ${name}(tell).default === tell,
          ];
        };
        ${isCalled ? `${name}({});` : ''}
        return async () => [
          tell(), (await Promise.resolve().then(() => ${name}(require('node:path')))).basename('/a/b'),
        ];`;
      const deferred = DeferredFunction.create(inScript(script));
      assert.ok(deferred.descriptor.kind === 'source');
      const called = await (inScript(script) as () => unknown)();
      assert.deepEqual(await deferred.invoke(), called);
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
  for (const name of [
    '__name',
    'cov_1',
    '_interopRequireWildcard',
    '_interop_require_wildcard',
    '__importStar',
  ])
    assert.equal(await storedAndRun(`const ${name} = path => path + '!'; return () => ${name}('x');`), 'x!');
  assert.equal(
    await storedAndRun(`{ const require = path => path + '!'; return () => require('x'); }`),
    'x!',
  );
});
