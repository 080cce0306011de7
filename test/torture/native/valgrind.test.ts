/** A process that calls all there is in the addon, under valgrind: none of what it reports happens in the addon. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { addRow } from '../table.ts';
import { AddonBuild, compilerMissing } from './build-addon.ts';
import { type Ended, runProgram } from './run-program.ts';

const EXERCISE = fileURLToPath(new URL('./exercise.js', import.meta.url));
const BROKEN = 'broken.node';
const WHOLE = 'deferred_sweep.node';

const skip =
  compilerMissing() ??
  (spawnSync('valgrind', ['--version']).status === 0 ? false : 'NOT TESTED: valgrind is not installed');

test('valgrind sees no error and no leak in the addon; in a broken one it does', { skip }, async t => {
  const directory = freshDirectory(t);
  const addon = await new AddonBuild(directory, []).link('broken', {
    source: 'native/file_lock_posix.cc',
    words: 'int operation = LOCK_UN;',
    by: `int operation = LOCK_UN;
         volatile char* heap = new char[4];
         if (heap[descriptor & 3] == 1) getpid();
         heap[4] = 1;`,
  });
  const errors = await errorsUnderValgrind(t, join(directory, 'report.xml'), [
    join(directory, 'file'),
    addon,
  ]);
  if (errors === undefined) return;
  const [found, seen] = [WHOLE, BROKEN].map(name => errors.filter(({ objects }) => objects.includes(name)));
  addRow({ part: 'native', what: 'errors of the addon under valgrind', tried: 1, found: found!.length });
  t.diagnostic(
    `${errors.length} errors, ${found!.length} of them the addon's, ${seen!.length} a broken one's`,
  );
  assert.deepEqual(found, []);
  assert.deepEqual([...new Set(seen!.map(({ kind }) => kind))].sort(), [
    'InvalidWrite',
    'Leak_DefinitelyLost',
    'UninitCondition',
  ]);
});

interface Reported {
  readonly kind: string;
  /** The names of the files whose code is on the stack. */
  readonly objects: readonly string[];
}

/** Undefined, and said so, where Node does not get as far as its program under valgrind. */
async function errorsUnderValgrind(
  t: TestContext,
  report: string,
  args: readonly string[],
): Promise<Reported[] | undefined> {
  // Valgrind would have to translate anew what V8 compiles, and calls some of that an error.
  const node = [process.execPath, '--jitless'];
  const valgrind = [
    '--error-limit=no',
    '--leak-check=full',
    '--num-callers=40',
    '--xml=yes',
    `--xml-file=${report}`,
  ];
  const start = (program: readonly string[]): Promise<Ended> =>
    runProgram('valgrind', [...valgrind, ...node, ...program]);
  const { code, stderr } = await start([EXERCISE, ...args]);
  if (code !== 0 && (await start(['-e', '0'])).code !== 0) {
    t.skip(`NOT TESTED: Node ${process.versions.node} does not run under this valgrind`);
    return undefined;
  }
  assert.equal(code, 0, stderr);
  const text = readFileSync(report, 'utf8');
  const errors = [...text.matchAll(/<error>.*?<\/error>/gs)].map(([error]) => error);
  return errors
    .filter(error => !isOfThread(error))
    .map(error => ({
      kind: /<kind>(\w+)<\/kind>/.exec(error)?.[1] ?? '',
      objects: [...error.matchAll(/<obj>[^<]*?([^/<]+)<\/obj>/g)].map(([, name]) => name!),
    }));
}

/** The memory that pthread_create(3) made for a thread that still runs, as the watchdog's does until the process ends. */
function isOfThread(error: string): boolean {
  return error.includes('<kind>Leak_PossiblyLost</kind>') && /<fn>pthread_create[^<]*<\/fn>/.test(error);
}
