/** However a program is started, functions of its entry script are stored by source, and a sweep never starts it again. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLinePath } from '../helpers/command-line.ts';
import { sample } from '../helpers/size.ts';
import { freshPlace, type Place } from '../helpers/worker.ts';

const library = import.meta.resolve('#dist/index.js');

/** The body of a program that is killed with a function registered that it exports. */
const body = ({ base, ledger }: Place): string => `
  const { appendFileSync } = await import('node:fs');
  const { DeferredFunction, DeferredFunctionManager } = await import(${JSON.stringify(library)});
  const ledger = ${JSON.stringify(ledger)};
  appendFileSync(ledger, 'started\\n');
  const secret = { of: ['the entry script'] };
  async function cleanup(out) {
    const fs = await import('node:fs');
    fs.appendFileSync(out, JSON.stringify(secret) + '\\n');
  }
  if (typeof module === 'object') module.exports = { cleanup };
  const job = await new DeferredFunctionManager(${JSON.stringify(base)}).open();
  const deferred = DeferredFunction.create(cleanup, ledger);
  job.defer(deferred);
  appendFileSync(ledger, deferred.descriptor.kind + '\\n');
  process.kill(process.pid, 'SIGKILL');
`;
/** The same without the function, which then is {@link exportedCleanup}. */
const bodyWithout = (place: Place): string =>
  body(place).replace(/async function cleanup[\s\S]*?\n {2}}\n.*/, '');
const exportedCleanup = `export async function cleanup(out) {
  (await import('node:fs')).appendFileSync(out, '{"of":["the entry script"]}\\n');
}`;
const asModule = (place: Place): string => `${body(place)}\nexport { cleanup };`;
const asCommonJs = (place: Place): string => `(async () => {${body(place)}})();`;

interface Start {
  readonly label: string;
  readonly skip?: string | false;
  /** Writes the program, and returns Node's arguments to run it from the place's root. */
  prepare(place: Place): readonly string[];
  input?(place: Place): string;
}

const file = (place: Place, name: string, text: string): string => {
  const path = join(place.root, name);
  writeFileSync(path, text);
  return path;
};

const STARTS: readonly Start[] = [
  { label: 'an ES module', prepare: place => [file(place, 'program.mjs', asModule(place))] },
  { label: 'a CommonJS module', prepare: place => [file(place, 'program.cjs', asCommonJs(place))] },
  {
    label: 'a relative path without its extension',
    prepare: place => {
      file(place, 'program.js', asCommonJs(place));
      return ['program'];
    },
  },
  {
    label: 'a symbolic link',
    prepare: place => {
      symlinkSync(file(place, 'program.mjs', asModule(place)), join(place.root, 'link.mjs'));
      return ['link.mjs'];
    },
  },
  {
    label: 'a path through a linked directory',
    prepare: place => {
      mkdirSync(join(place.root, 'real'));
      symlinkSync('real', join(place.root, 'linked'));
      file(place, 'real/program.mjs', asModule(place));
      return [join(place.root, 'linked', 'program.mjs')];
    },
  },
  {
    label: 'a link that is kept',
    prepare: place => {
      symlinkSync(file(place, 'program.mjs', asModule(place)), join(place.root, 'link.mjs'));
      return ['--preserve-symlinks-main', 'link.mjs'];
    },
  },
  {
    label: 'a program that changes its arguments',
    prepare: place => [
      file(
        place,
        'program.mjs',
        `import ${JSON.stringify(library)}; process.argv.splice(1, 9, 'x'.repeat(5000));${asModule(place)}`,
      ),
    ],
  },
  {
    label: 'a relative URL',
    skip:
      !process.allowedNodeEnvironmentFlags.has('--entry-url') &&
      `NOT TESTED: Node ${process.versions.node} has no --entry-url`,
    prepare: place => {
      file(place, 'program.mjs', asModule(place));
      return ['--no-warnings', '--entry-url', './program.mjs?a=b'];
    },
  },
  {
    label: 'a worker thread that imports the script of the main thread',
    prepare: place => {
      const thread = file(place, 'thread.mjs', `import './program.mjs';`);
      const main = `
        const { isMainThread, Worker } = await import('node:worker_threads');
        if (isMainThread) {
          new Worker(${JSON.stringify(thread)});
          await new Promise(() => {});
        }`;
      return [file(place, 'program.mjs', main + asModule(place))];
    },
  },
  {
    label: 'a directory',
    prepare: place => {
      mkdirSync(join(place.root, 'project'));
      file(place, 'project/index.js', asCommonJs(place));
      return ['project'];
    },
  },
  ...['~', '[x]', '^', '|', '%41', '%', ' ', '\n', '#', '?', '\\', 'é'].map(
    (name): Start => ({
      label: `a CommonJS module in a directory called ${JSON.stringify(name)}`,
      prepare: place => {
        mkdirSync(join(place.root, name));
        return [file(place, `${name}/program.cjs`, asCommonJs(place))];
      },
    }),
  ),
  {
    label: 'an ES module in a directory called "~ %41 [x]"',
    prepare: place => {
      mkdirSync(join(place.root, '~ %41 [x]'));
      return [file(place, '~ %41 [x]/program.mjs', asModule(place))];
    },
  },
  {
    label: 'a module that the entry script imports, and that runs the job while it is evaluated',
    prepare: place => {
      file(place, 'program.mjs', asModule(place));
      return [file(place, 'entry.mjs', `import './program.mjs';`)];
    },
  },
  {
    label: 'a CommonJS module that the entry script requires, and that runs the job without waiting for it',
    prepare: place => {
      file(place, 'program.cjs', asCommonJs(place));
      return [file(place, 'entry.cjs', `require('./program.cjs');`)];
    },
  },
  {
    label: 'a module whose top level calls main() and is done before the job begins',
    prepare: place => {
      file(
        place,
        'program.mjs',
        `${exportedCleanup} async function main() { await null; ${bodyWithout(place)} } main().catch(console.error);`,
      );
      return [file(place, 'entry.mjs', `import './program.mjs';`)];
    },
  },
  {
    label: 'a module whose job is opened at its top level and used by a timer',
    prepare: place => {
      file(
        place,
        'program.mjs',
        `${exportedCleanup}
         const { appendFileSync } = await import('node:fs');
         const { DeferredFunction, DeferredFunctionManager } = await import(${JSON.stringify(library)});
         const ledger = ${JSON.stringify(place.ledger)};
         appendFileSync(ledger, 'started\\n');
         const job = await new DeferredFunctionManager(${JSON.stringify(place.base)}).open();
         await new Promise(() => setTimeout(() => {
           const deferred = DeferredFunction.create(cleanup, ledger);
           job.defer(deferred);
           appendFileSync(ledger, deferred.descriptor.kind + '\\n');
           process.kill(process.pid, 'SIGKILL');
         }, 1));`,
      );
      return [file(place, 'entry.mjs', `import './program.mjs';`)];
    },
  },
  {
    label: 'a module that imports the entry script in a circle',
    prepare: place => {
      file(
        place,
        'circle.mjs',
        `import { number } from './entry.mjs';
         ${exportedCleanup}
         export const unused = () => number;`,
      );
      return [
        file(
          place,
          'entry.mjs',
          `import { cleanup } from './circle.mjs'; export const number = 1; ${bodyWithout(place)}`,
        ),
      ];
    },
  },
  {
    label: 'a module that node --eval imports',
    prepare: place => {
      file(place, 'program.mjs', asModule(place));
      return ['--eval', `import('./program.mjs')`];
    },
  },
  { label: 'node --eval', prepare: place => ['--eval', asCommonJs(place)] },
  { label: 'node --eval of a module', prepare: place => ['--input-type=module', '--eval', asModule(place)] },
  { label: 'standard input', prepare: () => ['-'], input: asCommonJs },
  {
    label: 'a worker thread',
    prepare: place => {
      const thread = file(place, 'thread.mjs', asModule(place));
      const main = `new (require('node:worker_threads').Worker)(${JSON.stringify(thread)});`;
      return [file(place, 'main.cjs', main)];
    },
  },
  {
    label: 'a worker thread made of text',
    prepare: place => {
      const text = JSON.stringify(asCommonJs(place));
      return [
        file(place, 'main.cjs', `new (require('node:worker_threads').Worker)(${text}, { eval: true });`),
      ];
    },
  },
];

for (const { label, skip = false, prepare, input } of sample(STARTS, 4)) {
  test(`a function of the entry script runs after its program was killed: ${label}`, { skip }, t => {
    const place = freshPlace(t);
    const argv = prepare(place);
    const ended = spawnSync(process.execPath, argv, {
      cwd: place.root,
      encoding: 'utf8',
      ...(input && { input: input(place) }),
    });
    assert.equal(ended.signal, 'SIGKILL', ended.stderr);
    assert.equal(ended.stderr, '');
    assert.equal(readFileSync(place.ledger, 'utf8'), 'started\nsource\n');

    const swept = spawnSync(process.execPath, [commandLinePath, place.base], { cwd: '/', encoding: 'utf8' });
    assert.equal(swept.status, 0, swept.stdout + swept.stderr);
    assert.equal(swept.stderr, '');
    assert.equal(readFileSync(place.ledger, 'utf8'), 'started\nsource\n{"of":["the entry script"]}\n');
  });
}

test('captured values lie in a file only its user can read, whatever the umask', t => {
  const place = freshPlace(t);
  const program = file(place, 'program.mjs', `process.umask(0);${asModule(place)}`);
  spawnSync(process.execPath, [program]);
  const [name = ''] = readdirSync(place.directory);
  const path = join(place.directory, name);
  assert.equal(statSync(place.directory).mode & 0o777, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(readFileSync(path).includes('the entry script'));
  assert.ok(existsSync(place.ledger));
});

test('a job of a module that is still being evaluated ends without waiting for itself', t => {
  const place = freshPlace(t);
  file(
    place,
    'program.mjs',
    `import { DeferredFunctionManager } from ${JSON.stringify(library)};
     export function cleanup() { console.log('cleaned'); }
     const job = await new DeferredFunctionManager(${JSON.stringify(place.base)}, { timeoutMs: 5000 }).open();
     job.defer(cleanup);
     console.log((await job.close()).files[0].functions[0].outcome);`,
  );
  const entry = file(place, 'entry.mjs', `import './program.mjs';`);
  const { stdout, stderr } = spawnSync(process.execPath, [entry], { encoding: 'utf8' });
  assert.equal(stdout + stderr, 'cleaned\nok\n');
});

test('a module that opens a job when it is imported to run a function of it gets an error, and no job', t => {
  const place = freshPlace(t);
  const program = file(
    place,
    'program.mjs',
    `import { appendFileSync } from 'node:fs';
     import { DeferredFunction, DeferredFunctionManager } from ${JSON.stringify(library)};
     appendFileSync(${JSON.stringify(place.ledger)}, 'begins\\n');
     export function cleanup() {}
     const job = await new DeferredFunctionManager(${JSON.stringify(place.base)}, { maxAttempts: 1 }).open();
     job.defer(DeferredFunction.of({ module: import.meta.url, export: 'cleanup' }));
     process.kill(process.pid, 'SIGKILL');`,
  );
  spawnSync(process.execPath, [program]);
  const swept = spawnSync(process.execPath, [commandLinePath, place.base], { encoding: 'utf8' });
  assert.match(swept.stdout, /imported only to run a deferred function/);
  assert.equal(readFileSync(place.ledger, 'utf8'), 'begins\nbegins\n');
});
