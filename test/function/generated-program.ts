/** Writes a program that defers a function of each form for each kind of thing that it can use, and each kind of value. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Thing {
  readonly label: string;
  /** Statements before the function, in the scope around it. */
  readonly setUp: string;
  /** What the function records. */
  readonly gives: string;
}

const thing = (label: string, setUp: string, gives: string): Thing => ({ label, setUp, gives });

const THINGS: readonly Thing[] = [
  thing('nothing', '', '1 + 1'),
  thing('a number', 'const n = 42;', 'n'),
  thing('a text', "const text = 'na\\u00efve \\ud83d\\ude00';", 'text'),
  thing('half a surrogate', "const half = '\\ud800';", 'half.charCodeAt(0)'),
  thing('a bigint', 'const big = -(2n ** 70n);', 'big + 1n'),
  thing('negative zero', 'const zero = -0;', 'Object.is(zero, -0)'),
  thing('undefined and null', 'const none = undefined, nil = null;', '[none, nil]'),
  thing('a variable assigned before', 'let n = 1; n = 2;', 'n'),
  thing('a variable it assigns', 'let n = 1;', '[n++, ++n]'),
  thing('a variable a helper assigns', 'let n = 1; const inc = () => ++n;', '[inc(), inc()]'),
  thing('a variable a helper assigns and it reads', 'let n = 1; const inc = () => ++n;', '[inc(), n]'),
  thing('an array', "const list = [1, 'two', [3]];", 'list.concat(list.length)'),
  thing('an array with holes', 'const list = [1, , 3];', '[1 in list, list.length]'),
  thing('an object', 'const o = { a: { b: [1] } };', 'o.a.b'),
  thing('an object that it changes', 'const o = { n: 1 };', '(o.n++, o)'),
  thing('an object twice', 'const o = {}; const p = { o };', 'p.o === o'),
  thing('a cycle', 'const o = {}; o.self = o;', 'o.self.self === o'),
  thing(
    'an object without prototype',
    'const o = Object.assign(Object.create(null), { a: 1 });',
    'Object.getPrototypeOf(o)',
  ),
  thing('a key called __proto__', 'const o = JSON.parse(\'{"__proto__":1}\');', 'Object.keys(o)'),
  thing('a map', "const map = new Map([['k', { v: 1 }]]);", "map.get('k').v"),
  thing('a set', 'const set = new Set([1, 2]);', '[...set]'),
  thing('a date', 'const date = new Date(86_400_000);', 'date.toISOString()'),
  thing(
    'a pattern',
    'const pattern = /a(b)/gi; pattern.lastIndex = 2;',
    "[pattern.lastIndex, pattern.exec('xxab')?.[1]]",
  ),
  thing(
    'an error',
    "const error = new TypeError('t', { cause: 1 });",
    '[error instanceof TypeError, error.message, error.cause]',
  ),
  thing('bytes', 'const bytes = new Uint8Array([1, 2]);', '[...bytes]'),
  thing(
    'two views',
    'const a = new Uint8Array(4), b = new DataView(a.buffer, 1);',
    '(b.setUint8(0, 9), [...a])',
  ),
  thing(
    'a Buffer',
    "const bytes = Buffer.from('abc'), part = bytes.subarray(1);",
    "(part.fill('x'), String(bytes))",
  ),
  thing('shared memory', 'const memory = new SharedArrayBuffer(4);', 'memory.byteLength'),
  thing('a symbol', "const symbol = Symbol('s');", 'String(symbol)'),
  thing('a symbol of the language', 'const symbol = Symbol.iterator;', 'String(symbol)'),
  thing('a getter', 'const o = { get a() { return 1; } };', 'o.a'),
  thing('a frozen object', 'const o = Object.freeze({ a: 1 });', 'o.a'),
  thing('a weak map', 'const key = {}; const weak = new WeakMap([[key, 1]]);', 'weak.get(key)'),
  thing('a promise', 'const promise = Promise.resolve(1);', 'typeof promise.then'),
  thing('a URL', "const url = new URL('file:///a');", 'url.href'),
  thing('a function', 'function helper(x) { return x * 2; }', 'helper(4)'),
  thing('an arrow function', 'const helper = x => x * 2;', 'helper(4)'),
  thing(
    'functions that call each other',
    'const even = n => n === 0 || odd(n - 1); const odd = n => n !== 0 && even(n - 1);',
    'even(6)',
  ),
  thing('a function with a property', 'function helper() { return helper.n; } helper.n = 3;', 'helper()'),
  thing('a function with a prototype', 'function Old() {} Old.prototype.m = () => 1;', 'new Old().m()'),
  thing('a bound function', 'const bound = Math.max.bind(null, 3);', 'bound(1)'),
  thing('a proxy', 'const proxy = new Proxy({}, { get: () => 5 });', 'proxy.x'),
  thing('a generator', 'function* items() { yield 1; yield 2; }', '[...items()]'),
  thing('a method in an object', 'const o = { n: 1, next() { return ++this.n; } };', '[o.next(), o.next()]'),
  thing(
    'a closure with state',
    'const next = (() => { let n = 0; return () => ++n; })();',
    '[next(), next()]',
  ),
  thing(
    'two closures over one variable',
    'const [inc, get] = (() => { let n = 0; return [() => ++n, () => n]; })();',
    '[inc(), get()]',
  ),
  thing(
    'two closures over one object',
    'const [inc, get] = (() => { const s = { n: 0 }; return [() => ++s.n, () => s.n]; })();',
    '[inc(), get()]',
  ),
  thing('a helper that runs once', 'let once = () => { once = () => 2; return 1; };', '[once(), once()]'),
  thing(
    'a helper that chooses itself',
    'var keys = function (o) { keys = Object.keys || (x => x); return keys(o); };',
    'keys({ a: 1 })',
  ),
  thing(
    'a class',
    'class A { #n = 1; get n() { return this.#n; } static of() { return new A(); } }',
    'A.of().n',
  ),
  thing(
    'a class of errors',
    'class A extends Error { get loud() { return this.message + "!"; } }',
    "[new A('x').loud, new A('x') instanceof Error]",
  ),
  thing('a class with a base', "class B { m() { return 'base'; } } class A extends B {}", 'new A().m()'),
  thing(
    'a class with a base called as one of Node',
    "class Event { m() { return 'mine'; } } class A extends Event {}",
    "typeof new A('x').m",
  ),
  thing('a class with a static field', 'class A { static n = 1; } A.n = 5;', 'A.n'),
  thing(
    'a class without a field it had',
    'class A { static a = 1; static b = 2; } delete A.a;',
    'Object.keys(A)',
  ),
  thing('a class with a computed name', "const key = 'm'; class A { [key]() { return 1; } }", 'new A().m()'),
  thing(
    'a class with a method replaced',
    'class A { m() { return 1; } } A.prototype.m = () => 2;',
    'new A().m()',
  ),
  thing(
    'a class with a static block',
    'const made = []; class A { static { made.push(1); } }',
    '[made.length, typeof A]',
  ),
  thing('an instance', 'class A { n = 1; } const a = new A();', 'a.n'),
  thing('a function of the language', 'const { max } = Math;', 'max(1, 2)'),
  thing('a global object', 'const language = Math;', 'language.min(1, 2)'),
  thing('a module of Node', "const path = process.getBuiltinModule('path');", "path.basename('/a/b')"),
  thing('a function of Node', "const { basename } = process.getBuiltinModule('path');", "basename('/a/b')"),
  thing('the process', 'const program = process;', 'program === process'),
  thing('a variable that is not there', '', 'typeof missingVariable'),
  thing('a variable of a global name', "const name = 'own', process_ = { pid: 1 };", '[name, process_.pid]'),
  thing('strict code', '', '(function () { return typeof this; })()'),
  thing(
    'syntax that looks like another',
    '',
    "[/[/*]/.test('*'), `a`, { async: 1 }.async, 'return eval'.length]",
  ),
  thing(
    'a loop with a label',
    '',
    '(() => { let n = 0; a: for (;;) { for (;;) { if (n++ > 2) break a; } } return n; })()',
  ),
  thing(
    'what is thrown',
    '',
    '(() => { try { null.x; } catch (error) { return error.name; } finally { void 0; } })()',
  ),
  thing('import()', '', "(await import('node:path')).sep"),
  thing('arguments', '', '(function () { return arguments.length; })(1, 2)'),
];

/** The forms of a function that records what an expression gives. */
const FORMS: Readonly<Record<string, (body: string) => string>> = {
  'an arrow function': body => `async (out, label) => { ${body} }`,
  'a function expression': body => `async function cleanup(out, label) { ${body} }`,
  'a function with defaults': body =>
    `async (out, label, { first = 1, ...rest } = { b: 2 }, ...more) => { ${body} }`,
  'a method': body => `({ async clean(out, label) { ${body} } }).clean`,
  'a method with a computed name': body => `({ async ['a b'](out, label) { ${body} } })['a b']`,
  'an inner function': body =>
    `(() => { const outer = 1; return async (out, label) => { void outer; ${body} }; })()`,
};

/** Each given to a function as an argument, and captured by one. */
export const VALUES: readonly string[] =
  `undefined; null; true; 0; -0; 1.5; NaN; -Infinity; 2 ** 53; 10n ** 40n; ''; 'text';
  '\\ud800'; '\\ufeffx'; 'x'.repeat(70000); []; [1, [2]]; [,]; Object.assign([1], { 5: 6 }); Object.assign([1], { extra: 1 }); {};
  { a: { b: 1 } }; { 'odd key': 1, 2: 3 }; { ['\\ud800']: 1 }; Object.create(null); Object.create({ a: 1 });
  Object.defineProperty({}, 'a', { value: 1 }); { get a() { return 1 } }; { [Symbol('s')]: 1 }; Object.freeze({ a: 1 });
  new Date(5); new Date(NaN); /a/g; Object.assign(/a/g, { lastIndex: 3 }); new Map([[{}, 1]]); new Map([[1, new Map()]]);
  new Set(['a']); new Error('e'); new RangeError('r', { cause: { a: 1 } }); new AggregateError([1], 'a'); Object.assign(new Error('e'), { code: 'E' });
  new (class Own extends Error {})('o'); new Uint8Array([1]); new Uint8Array(4).subarray(1, 3); new Float64Array([1.5, -0]); new BigInt64Array([1n]);
  new Uint8ClampedArray([300]); Buffer.from('b'); new ArrayBuffer(3); new DataView(new ArrayBuffer(3), 1); new SharedArrayBuffer(2);
  new ArrayBuffer(2, { maxByteLength: 4 }); new Boolean(false); Object(1n); Symbol('s'); Symbol.iterator; () => 1; class {}; Math; JSON; globalThis; process;
  new WeakMap(); new WeakRef({}); Promise.resolve(); new URL('http://a/'); new AbortController(); new Proxy({}, {}); (function* () {})();
  (function () { return arguments })(1); new Intl.Collator(); [1].values(); new EventTarget(); (o => (o.o = o))({}); (a => [a, a])([1])`
    .split(/;\s+/)
    .filter(Boolean);

/** Writes the modules and `main.mjs`, which finds its plan in GENERATED_PLAN. Returns how many functions it has. */
export function writeProgram(root: string, library: string): number {
  const modules: string[] = [];
  const body = ({ gives }: Thing) => `say(out, label, ${gives});`;
  for (const [index, each] of THINGS.entries()) {
    const forms = Object.entries(FORMS);
    // All forms for all things would take minutes: each thing has some, and all things have all.
    const some = (count: number) =>
      Array.from({ length: count }, (_, n) => forms[(index + n) % forms.length]!);
    const make = (chosen: typeof forms, setUp: string) => {
      const inline = chosen.map(([form, write]) => `[${JSON.stringify(form)}, ${write(body(each))}]`);
      return `(() => { ${setUp} return [${inline.join(', ')}]; })()`;
    };
    const text = `${each.setUp} ${SAY}
      async function exportedFunction(out, label) { ${body(each)} }
      const api = { member: async (out, label) => { ${body(each)} } };
      const functions = [...${make(some(4), '')},
        ...${make(some(2), each.setUp)}.map(([form, fn]) => [form + ', with variables of a function', fn]),
        ['an exported function', exportedFunction], ['a member of an exported object', api.member]];`;
    writeFileSync(join(root, `thing${index}.mjs`), `${text} export { functions, exportedFunction, api };`);
    writeFileSync(
      join(root, `thing${index}.cjs`),
      `${text} module.exports = { functions, exportedFunction, api };`,
    );
    modules.push(`./thing${index}.mjs`, `./thing${index}.cjs`);
  }
  const imports = modules.map((module, index) => `import * as m${index} from '${module}';`).join('\n');
  const labels = modules.map((module, index) =>
    JSON.stringify(`${THINGS[index >> 1]!.label}, ${module.slice(-3)}`),
  );
  const values = VALUES.map(value => `[${JSON.stringify(value)}, () => (${value})]`);
  writeFileSync(
    join(root, 'main.mjs'),
    `${imports}
    import { writeFileSync } from 'node:fs';
    import { DeferredFunctionManager } from ${JSON.stringify(library)};
    ${SAY}
    const { base, out, direct, manifest, ending, every, first } = JSON.parse(process.env.GENERATED_PLAN);
    const logger = { info() {}, warn() {}, error() {} };
    const manager = new DeferredFunctionManager(base, { moduleState: 'refuse', maxAttempts: 1, logger });
    const job = await manager.open();
    const entries = [];
    async function tryOut(label, fn, ...args) {
      let refused;
      try { job.defer(fn, out, label, ...args); } catch (error) { refused = error.code ?? String(error); }
      let failure;
      try { await fn(direct, label, ...args); } catch (error) { failure = String(error); }
      entries.push({ label, refused, failure });
    }
    const labels = [${labels.join(', ')}];
    for (const [index, module] of [${modules.map((_, index) => `m${index}`).join(', ')}].entries())
      if (index % every === first) for (const [form, fn] of module.functions ?? module.default.functions) await tryOut(form + ' that uses ' + labels[index], fn);
    for (const [label, make] of [${values.join(',\n')}]) {
      let value;
      try { value = make(); } catch { continue; }
      await tryOut('argument ' + label, async (out, label, value) => { say(out, label, value); }, value);
      await tryOut('captured ' + label, async (out, label) => { say(out, label, value); });
    }
    writeFileSync(manifest, JSON.stringify(entries));
    if (ending === 'crash') process.kill(process.pid, 'SIGKILL');
    await manager.close();`,
  );
  return modules.length * 8;
}

const SAY = `const say = (out, label, value) => {
  const { appendFileSync } = process.getBuiltinModule('fs');
  const shown = value === globalThis || value === process ? 'itself' : process.getBuiltinModule('util').inspect(value, { depth: 6, maxStringLength: 50, breakLength: Infinity });
  appendFileSync(out, JSON.stringify([label, shown]) + '\\n');
};`;
