// Compiles a strict program against the packed package's types, with `types: []`, the default of TypeScript 6 and 7, and with
// the oldest standard library that @types/node asks for:
//
//   node scripts/test-types.mjs TARBALL [TYPESCRIPT-VERSION…]
//
// Default: the versions below, from the npm registry. `current` is the one of this checkout. Exit: 0 all compiled, else 1.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const [tarball, ...versions] = process.argv.slice(2);
if (tarball === undefined) throw new Error('usage: test-types.mjs TARBALL [TYPESCRIPT-VERSION…]');
if (versions.length === 0) versions.push('5.4.5', '5.9.3', '6.0.3', '7.0.2');
const resolutions = { nodenext: 'nodenext', node16: 'node16', bundler: 'esnext' };

const work = mkdtempSync(join(tmpdir(), 'deferred-sweep-types-'));
let failures = 0;
try {
  writeFileSync(join(work, 'package.json'), '{ "type": "module", "private": true }');
  install(work, [resolve(tarball), '@types/node@20']);
  writeFileSync(join(work, 'program.ts'), program());
  writeFileSync(join(work, 'calls.ts'), deferredCalls());
  for (const version of versions) {
    const compiler = compilerOf(version);
    for (const [moduleResolution, module] of Object.entries(resolutions))
      compile(version, compiler, moduleResolution, module);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

function compile(version, compiler, moduleResolution, module) {
  const compilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true, types: [] },
    ...{ target: 'es2020', module, moduleResolution },
  };
  writeFileSync(
    join(work, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['program.ts', 'calls.ts'] }),
  );
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', work], { encoding: 'utf8' });
  const what = `TypeScript ${version}, moduleResolution ${moduleResolution}`;
  if (status === 0) return console.log(`ok: ${what}`);
  failures += 1;
  console.error(`FAILED: ${what}\n${stdout}`);
}

function compilerOf(version) {
  if (version === 'current') return createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const directory = join(work, `typescript-${version}`);
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{ "private": true }');
  install(directory, [`typescript@${version}`]);
  const require = createRequire(join(directory, 'package.json'));
  return join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
}

function install(directory, packages) {
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...packages], { cwd: directory });
}

/** The calls that the tests compile, too, with the package's own name. */
function deferredCalls() {
  const fixture = new URL('../test/fixtures/deferred-calls.ts', import.meta.url);
  return readFileSync(fixture, 'utf8').replace('#dist/index.js', 'deferred-sweep');
}

function program() {
  return `
import { currentInvocation, DeferredFunction, DeferredFunctionManager, hasProblems, sweep } from 'deferred-sweep';
import type { Job, SweepReport } from 'deferred-sweep';
import { tryLock, unlock } from 'deferred-sweep/lock';

const manager = new DeferredFunctionManager('node-state', { durability: 'disk' });
export const answer: Promise<number> = manager.run(async (defer, job: Job) => {
  defer(DeferredFunction.command('rm', ['-rf', 'scratch']));
  await job.close();
  return 42;
});
export const report: SweepReport = await sweep('node-state', { signal: new AbortController().signal });
export const isBad: boolean = hasProblems(report);
export const isAborted: boolean | undefined = currentInvocation()?.signal.aborted;
export const isLocked: boolean = tryLock(3, { shared: true });
unlock(3);
`;
}
