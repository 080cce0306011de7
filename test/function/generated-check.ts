/** Runs the generated program in one way, and compares what its functions do when called and when restored. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { sweepOrphans } from '../helpers/fn-project.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { VALUES, writeProgram } from './generated-program.ts';

/** What docs/functions.md says is different: of a view the bytes it shows are stored. */
const DOCUMENTED = /^(argument|captured) new DataView\(new ArrayBuffer\(3\), 1\)$/;

const CODES = ['DEFERRED_FUNCTION_REFUSED', 'DEFERRED_VALUE_REFUSED', 'DEFERRED_TOO_LARGE'];

export interface Way {
  /** Whether its owner runs the functions at the end, or dies. */
  readonly ending: 'close' | 'crash';
  /** Of the modules each so-manieth has its turn. */
  readonly every: number;
  /** More that docs/functions.md says is different, by label. */
  readonly documented?: RegExp;
  /** Options of Node, and what is run in the place of the program. */
  argv?(main: string): readonly string[];
}

/** @throws AssertionError that names each function and value that became another */
export function checkGenerated(
  t: TestContext,
  { ending, every, documented, argv = main => [main] }: Way,
): void {
  const root = freshDirectory(t);
  const written = writeProgram(root, import.meta.resolve('#dist/index.js'));
  const at = (name: string) => join(root, name);
  const plan = {
    base: at('base'),
    out: at('out'),
    direct: at('direct'),
    manifest: at('manifest'),
    ending,
    every,
    first: Math.floor(Math.random() * every),
  };
  const env: NodeJS.ProcessEnv = { ...process.env, GENERATED_PLAN: JSON.stringify(plan) };
  // Set by the test runner that runs this: one below it would talk to it.
  delete env.NODE_TEST_CONTEXT;
  const ended = spawnSync(process.execPath, argv(at('main.mjs')), { cwd: root, env, encoding: 'utf8' });
  assert.ok(existsSync(plan.manifest), ended.stdout + ended.stderr);
  if (ending === 'crash') {
    assert.equal(existsSync(plan.out), false, 'nothing ran before the sweep');
    sweepOrphans({ ...plan, root });
  }
  const entries = JSON.parse(readFileSync(plan.manifest, 'utf8')) as {
    label: string;
    refused?: string;
    failure?: string;
  }[];
  const direct = readLines(plan.direct);
  const restored = readLines(plan.out);
  const isDocumented = (label: string) => DOCUMENTED.test(label) || documented?.test(label) === true;
  const wrong = entries.flatMap(({ label, refused, failure }) => {
    if (refused !== undefined) return CODES.includes(refused) ? [] : [`${label}: refused by ${refused}`];
    if (failure !== undefined) return [`${label}: ${failure}`];
    if (restored.get(label) === direct.get(label) || isDocumented(label)) return [];
    return [`${label}: called ${direct.get(label)}, restored ${restored.get(label)}`];
  });
  assert.deepEqual(wrong, []);
  assert.ok(written >= 300 && VALUES.length >= 60, `${written} functions, ${VALUES.length} values`);
  // Refusing all would be equal, too. Of a part those that have to be refused may be many.
  const stored = entries.filter(({ refused }) => refused === undefined).length;
  const least = entries.length * (every === 1 ? 0.6 : 0.4);
  assert.ok(stored > least, `${stored} of ${entries.length} were stored`);
}

function readLines(path: string): Map<string, string> {
  return new Map(
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as [string, string]),
  );
}

/** Makes the program the one test of a test runner that puts `test` among the globals. */
export function asTest(main: string): void {
  writeFileSync(
    main.replace('main.mjs', 'main.test.mjs'),
    "test('functions are deferred', async () => { await import('./main.mjs'); }, 280_000);",
  );
}
