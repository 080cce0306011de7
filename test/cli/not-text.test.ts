/** Bytes that are not UTF-8: Node would have the program get others. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { commandLinePath, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const skip = !existsSync('/proc/self/cmdline') && 'the system does not tell what bytes a process was given';

/** Runs a line of the shell, in which `$exec` is the verb and `$odd` one byte that is no text. */
function run(t: TestContext, line: string) {
  const BASE = freshDirectory(t);
  const exec = `'${process.execPath}' '${commandLinePath}' exec`;
  const env = { ...plainEnvironment(), BASE, DEFERRED_SWEEP_DIR: join(BASE, 'base') };
  const script = `odd=$(printf '\\377'); ${line.replaceAll('$exec', exec)}`;
  return {
    ...spawnSync('sh', ['-c', script], { env, encoding: 'utf8' }),
    isOpened: existsSync(join(BASE, 'base')),
  };
}

for (const [what, line] of Object.entries({
  program: '$exec -- echo "$odd"',
  'deferred command': '$exec --defer "echo $odd" -- true',
  directory: '$exec --base "$BASE/$odd" -- true',
}))
  test(`exec refuses a ${what} that is not UTF-8, and starts nothing`, { skip }, t => {
    const { status, stdout, stderr, isOpened } = run(t, line);
    assert.deepEqual([status === 0, stdout, isOpened], [false, '', false], stderr);
  });

test('exec names a variable that its program gets changed, and passes on what is text in any language', {
  skip,
}, t => {
  const { status, stdout, stderr } = run(t, 'ODD=$odd EVEN=é $exec -- sh -c \'echo "$0 $EVEN"\' ü');
  assert.deepEqual([status, stdout], [0, 'ü é\n'], stderr);
  assert.match(stderr, /the program gets ODD changed: its value is not UTF-8\n$/);
});
