/** Whose the modules are that a closure captured: as a module that is deferred itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { sample } from '../helpers/size.ts';
import { ALICE, commonDirectory, directoryOf, MALLORY, notRoot, printedBy } from '../helpers/users.ts';

/** The top of a program beside the directory `lib`, and a closure in it. */
const FORMS: Readonly<Record<string, readonly [top: string, closure: string]>> = {
  'a named import': [`import { clean } from './lib/m.mjs';`, '() => clean()'],
  'a namespace': [`import * as lib from './lib/m.mjs';`, '() => lib.clean()'],
  'the namespace of a package': [`import * as lib from 'package';`, '() => lib.clean()'],
  'exports of CommonJS': [
    `import { createRequire } from 'node:module'; const lib = createRequire(import.meta.url)('./lib/c.cjs');`,
    '() => lib.clean()',
  ],
  'a function that captured one': [
    `import { clean } from './lib/m.mjs'; const inner = () => clean();`,
    '() => inner()',
  ],
};

function makeLibrary(directory: string, uid: number, marker: string): void {
  const clean = `function clean() { process.getBuiltinModule('fs').appendFileSync(${JSON.stringify(marker)}, 'ran ') }`;
  const files = {
    'm.mjs': `export ${clean}`,
    'c.cjs': `exports.clean = ${clean}`,
    'package.json': '{ "name": "package", "exports": "./m.mjs" }',
  };
  const script = `const fs = require('node:fs');
    fs.mkdirSync(process.argv[1]);
    for (const [name, text] of Object.entries(JSON.parse(process.argv[2]))) fs.writeFileSync(process.argv[1] + '/' + name, text);`;
  const argv = ['-e', script, directory, JSON.stringify(files)];
  const made = spawnSync(process.execPath, argv, { uid, gid: uid, cwd: '/', encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

function places(t: TestContext): { lib: string; root: string; base: string; marker: string } {
  const lib = mkdtempSync('/tmp/deferred-sweep-test-');
  t.after(() => rmSync(lib, { recursive: true, force: true }));
  rmSync(lib, { recursive: true });
  const root = commonDirectory(freshDirectory(t));
  const out = directoryOf(join(root, 'out'), ALICE, 0o700);
  return { lib, root, base: directoryOf(join(root, 'base'), ALICE, 0o700), marker: join(out, 'marker') };
}

for (const [what, [top, closure]] of sample(Object.entries(FORMS), 2)) {
  test(`a closure with ${what} of a module that another user made anew is refused`, {
    skip: notRoot,
  }, t => {
    const { lib, root, base, marker } = places(t);
    makeLibrary(lib, ALICE, marker);
    mkdirSync(join(root, 'node_modules'));
    symlinkSync(lib, join(root, 'node_modules/package'));
    const main = join(root, 'main.mjs');
    writeFileSync(
      main,
      `import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
       ${top.replace('./lib', lib)}
       const job = await new DeferredFunctionManager(process.argv[2], { logger: null }).open();
       job.defer(${closure});
       process.kill(process.pid, 'SIGKILL');`,
    );
    const as = { uid: ALICE, gid: ALICE, cwd: '/', env: plainEnvironment(), encoding: 'utf8' } as const;
    const { signal, stderr } = spawnSync(process.execPath, [main, base], as);
    assert.equal(signal, 'SIGKILL', stderr);
    rmSync(lib, { recursive: true });
    makeLibrary(lib, MALLORY, marker);
    const sweep = (): string =>
      printedBy(
        { uid: ALICE },
        `const { files } = await sweep(args[0], { logger: null, retryDelayMs: 0 });
         console.log(files[0].functions[0].outcome, files[0].functions[0].error?.code);`,
        base,
      );
    assert.equal(sweep(), 'failed DEFERRED_OWNER_CHANGED');
    assert.equal(existsSync(marker), false);
    rmSync(lib, { recursive: true });
    makeLibrary(lib, ALICE, marker);
    assert.equal(sweep(), 'ok undefined');
    assert.equal(existsSync(marker), true);
  });
}
