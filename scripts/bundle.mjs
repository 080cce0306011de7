// Compiles src/ into dist/. Importing a module costs 0.7 ms of processor time, and every worker, runner and command would pay
// it two hundred times. So the modules lie together in the few files of dist/chunks/, and where each was is a file that exports
// what it has from there: tests, too, use what is shipped. The types beside them are of tsc.
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleCborX } from './bundle-cbor-x.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [src, dist] = [join(root, 'src'), join(root, 'dist')];
/** The command's program: all that it needs in one file, which only `import()`s others. */
const PROGRAM = 'cli/start';
const modules = readdirSync(src, { recursive: true })
  .filter(name => name.endsWith('.ts'))
  .map(name => name.slice(0, -3))
  .filter(name => name !== PROGRAM)
  .sort();

/** They run when they are imported, so they stay what they are: files of their own. */
const PROGRAMS = ['cli/main', 'runner/main', 'postgres/session/main'];
/** They refuse a wrong Node or bundler where a door imports them first; `sideEffects` of package.json names them. */
const GUARDS = ['refuse-old-node', 'lock/refuse-commonjs-bundle'];
/** Users defer their exports. A record names the file and the export, which a later version must have, too. */
const DEFERRED = ['remove-path', 'end-processes', 'kill-process', 'run-command', 'request-url'].map(
  name => `actions/${name}`,
);
/** Each has what its modules import and no chunk before it has. */
const CHUNKS = {
  lock: ['lock/index', 'log/clock', 'nearest', 'report/reported-error'],
  command: ['cli/main', 'cli/verbs/help'],
  runner: ['runner/main'],
  deferred: DEFERRED,
  sweep: ['sweep/cleanup', 'operate/ids', 'job/second-signal'],
  'sweep-command': ['cli/verbs/sweep'],
  library: ['index'],
  actions: ['actions/index'],
  postgres: ['postgres/index', 'postgres/session/main'],
  rest: modules,
};
/** Loaded by `require`. */
const COMMONJS = ['lock/load-addon', 'runner/preload'];

const options = {
  absWorkingDir: root,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  // package.json names what has side effects in dist/, not in src/.
  ignoreAnnotations: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
};
const sourceOf = name => join(src, `${name}.ts`);
const nameOf = path => relative(src, join(root, path)).slice(0, -3);

/** What each module exports, and which modules it imports at once. */
async function readModules() {
  const { metafile } = await build({
    ...options,
    entryPoints: modules.map(sourceOf),
    outdir: dist,
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
  });
  const importsOf = new Map(
    Object.entries(metafile.inputs).map(([path, { imports }]) => [
      nameOf(path),
      imports.filter(it => it.kind === 'import-statement' && !it.external).map(it => nameOf(it.path)),
    ]),
  );
  const exportsOf = new Map(
    Object.values(metafile.outputs)
      .filter(it => it.entryPoint !== undefined)
      .map(({ entryPoint, exports }) => [nameOf(entryPoint), exports]),
  );
  return { importsOf, exportsOf };
}

const { importsOf, exportsOf } = await readModules();

/** The chunk of each module. */
const chunkOf = new Map();
function place(name, chunk) {
  if (chunkOf.has(name)) return;
  chunkOf.set(name, chunk);
  for (const imported of importsOf.get(name)) place(imported, chunk);
}
for (const [chunk, names] of Object.entries(CHUNKS)) for (const name of names) place(name, chunk);
for (const name of [...PROGRAMS, ...GUARDS, ...DEFERRED]) chunkOf.set(name, name);

/** The file of dist/ that has the code of a module. */
const fileOf = name => (chunkOf.get(name) === name ? `${name}.js` : `chunks/${chunkOf.get(name)}.js`);
/** The name that this file gives to an export of the module. */
const nameInFile = (name, exported) =>
  chunkOf.get(name) === name ? exported : `${name.replaceAll(/\W/g, '_')}$${exported}`;
/** Exports what a module has from the file with its code. @param path - of that file */
function reexport(name, path) {
  const names = exportsOf.get(name).map(exported => `${nameInFile(name, exported)} as ${exported}`);
  return `export { ${names.join(', ')} } from '${path}';\n`;
}
/** A path in an import statement of `from`, a file in dist/. */
function pathFrom(from, to) {
  const path = relative(dirname(from), to);
  return path.startsWith('.') ? path : `./${path}`;
}

/** Writes a file of dist/: modules of other files stay there; what is imported later is reached by its own file. */
async function write(outfile, input) {
  const plugin = {
    name: 'files',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /^\.{1,2}\// }, async ({ path, pluginData, ...rest }) => {
        if (pluginData?.isInner) return;
        const found = await resolve(path, { ...rest, pluginData: { isInner: true } });
        const name = relative(src, found.path).slice(0, -3);
        if (rest.kind === 'dynamic-import') return { path: pathFrom(outfile, `${name}.js`), external: true };
        if (GUARDS.includes(name)) return { path: name, namespace: 'at-the-door' };
        return fileOf(name) === outfile ? found : { path: name, namespace: 'other-file' };
      });
      onResolve({ filter: /^dist:/ }, ({ path }) => ({
        path: pathFrom(outfile, path.slice('dist:'.length)),
        external: true,
      }));
      onLoad({ filter: /.*/, namespace: 'at-the-door' }, () => ({ contents: '' }));
      onLoad({ filter: /.*/, namespace: 'other-file' }, ({ path }) => ({
        contents: reexport(path, `dist:${fileOf(path)}`),
      }));
    },
  };
  const { outputFiles } = await build({
    ...options,
    ...input,
    bundle: true,
    outfile: join(dist, outfile),
    plugins: [plugin],
    write: false,
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith('.js') ? withOneRequire(text) : text);
  }
}

/**
 * `@vercel/nft` finds what a file requires by the names `createRequire` and `require`. Each module has its own of these, and
 * the bundler numbers them. In one file all do the same. Lines stay where they are.
 */
function withOneRequire(text) {
  if (!/^var require\d+ = createRequire/m.test(text)) {
    // One within a function is made when it is called: in a CommonJS bundle there is no URL.
    return text.replaceAll(/\brequire\d+\b/g, 'require');
  }
  const used = text
    .replaceAll(/^import \{([^}]*)\} from "node:module";/gm, (found, names) =>
      found.replace(names, names.replace(/\bcreateRequire\b( as \w+)?,?/, '')),
    )
    .replaceAll(/\b(?:var|const) require\d+ = createRequire\d*\(import\.meta\.url\);/g, '')
    .replaceAll(/\b(createRequire|require)\d+\b/g, '$1');
  return `import { createRequire } from "node:module"; const require = createRequire(import.meta.url); ${used}`;
}

rmSync(join(dist, 'chunks'), { recursive: true, force: true });
for (const [chunk, names] of Object.entries(CHUNKS)) {
  // What a chunk is made for comes first, so that it is evaluated in its order.
  const inside = [...new Set([...names, ...modules])].filter(name => chunkOf.get(name) === chunk);
  const contents = inside.map(name => {
    const exports = exportsOf.get(name).map(exported => `${exported} as ${nameInFile(name, exported)}`);
    return `export { ${exports.join(', ')} } from './${name}.ts';`;
  });
  const stdin = {
    contents: contents.join('\n'),
    resolveDir: src,
    sourcefile: `chunks/${chunk}.ts`,
    loader: 'ts',
  };
  await write(`chunks/${chunk}.js`, { stdin });
}
for (const name of modules) {
  const file = `${name}.js`;
  if (fileOf(name) === file) {
    await write(file, { entryPoints: [sourceOf(name)] });
  } else if (exportsOf.get(name).length > 0) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    const guards = importsOf.get(name).filter(imported => GUARDS.includes(imported));
    const first = guards.map(guard => `import '${pathFrom(file, fileOf(guard))}';\n`);
    writeFileSync(join(dist, file), [...first, reexport(name, pathFrom(file, fileOf(name)))].join(''));
  }
}
await build({
  ...options,
  entryPoints: COMMONJS.map(name => join(src, `${name}.cts`)),
  format: 'cjs',
  outdir: dist,
  outbase: src,
  outExtension: { '.js': '.cjs' },
});
await bundleCborX(join(dist, 'value/cbor-x.cjs'));
await build({
  ...options,
  entryPoints: [sourceOf(PROGRAM)],
  format: 'cjs',
  bundle: true,
  outfile: join(dist, `${PROGRAM}.cjs`),
  // For the addon, which it does not load.
  define: { 'import.meta.url': 'undefined' },
  plugins: [
    {
      name: 'late',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^\.{1,2}\// }, ({ path, kind }) =>
          kind === 'dynamic-import' ? { path: path.replace(/\.ts$/, '.js'), external: true } : undefined,
        ),
    },
  ],
});
// npm and npx keep links to the program of an earlier build, which was the second.
for (const program of [`${PROGRAM}.cjs`, 'cli/main.js']) chmodSync(join(dist, program), 0o755);
