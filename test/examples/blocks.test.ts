/**
 * Every line of a page that calls something calls what is there. `scripts/check-docs.mjs` compiles the blocks in js, ts and
 * json; other tests run the programs and walks of README, cli.md, exec.md, actions.md and hooks.md as a whole.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { commandLinePath, packageRoot, plainEnvironment, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

interface Block {
  page: string;
  language: string;
  code: string;
}

const pages = ['README.md', 'CONTRIBUTING.md', 'UPGRADING.md', 'SECURITY.md'];
pages.push(...readdirSync(join(packageRoot, 'docs')).map(name => `docs/${name}`));
const blocks: Block[] = pages.filter(page => page.endsWith('.md')).flatMap(blocksOf);

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(packageRoot, page), 'utf8');
  return [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    ...{ page, language, code },
  }));
}

function of(...languages: string[]): Block[] {
  return blocks.filter(({ language }) => languages.includes(language));
}

/** Calls of the command in shell lines, units and crontabs, each with the words after it. */
function commandLines({ language, code }: Block): string[] {
  // Of a console, what is typed; the rest is what is printed, and compared by another test.
  const typed = language === 'console' ? code.replaceAll(/^[^$].*$/gm, '') : code;
  const joined = typed.replaceAll(/\\\n\s*/g, ' ');
  if (language === 'yaml')
    return [...joined.matchAll(/command: \["deferred-sweep", (.*)\]/g)].map(([, words = '']) =>
      words.replaceAll(',', ''),
    );
  // Behind `-e` it is a package that ncc leaves out.
  const calls = joined.matchAll(
    /(?<!#.*| -e)(?:^|[\s=(']|\/usr\/bin\/)deferred-sweep((?: +(?:"[^"]*"|'[^']*'|\$\w+|[^\s|&;<>()'"#]+))+)/gm,
  );
  return [...calls].map(([, words = '']) => words.trim());
}

test('each call of the command on a page is a right one', t => {
  let found = 0;
  for (const block of of('sh', 'console', 'ini', 'yaml', 'crontab')) {
    for (const words of commandLines(block)) {
      found += 1;
      // Inside of a job, a whole program of its own, or without an end: the tests of those pages run them.
      if (/^(exec|defer|cancel|cluster|watch)\b/.test(words)) continue;
      const { status, stderr } = runShell(t, `deferred-sweep ${words}`);
      assert.ok(status !== 2 && status !== 127, `${block.page}: deferred-sweep ${words}: ${stderr}`);
    }
  }
  assert.ok(found > 15, `only ${found} calls were found`);
});

/** Runs a line where `deferred-sweep` is a command, in a place of its own in which there is nothing to do. */
function runShell(t: TestContext, line: string): { status: number | null; stderr: string } {
  const directory = freshDirectory(t);
  const env = {
    ...plainEnvironment(),
    DEFERRED_SWEEP_DIR: directory,
    CLI: commandLinePath,
    NODE: process.execPath,
    SLURM_JOB_UID: '1000',
  };
  const inPlace = line
    .replaceAll('/var/lib/prometheus/node-exporter', directory)
    .replace(/"?\/var\/tmp\/deferred-sweep\.d\/\$SLURM_JOB_UID"?/, directory)
    .replace(/\/var\/lib\/deferred-sweep$/, directory)
    .replaceAll('$SLURM_JOB_ID', '7')
    .replaceAll('$ID', 'func0');
  const script = `deferred-sweep() { "$NODE" "$CLI" "$@"; }\n${inPlace}\n`;
  return spawnSync('bash', ['-c', script], { cwd: directory, env, encoding: 'utf8', timeout: 60_000 });
}

test('each block of shell lines is one that the shell can read', () => {
  for (const { page, code } of of('sh')) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' });
    assert.equal(status, 0, `${page}: ${stderr}\n${code}`);
  }
});

test('each npm script and each program of this package that a page names is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    scripts: object;
  };
  for (const { page, code, language } of blocks.filter(
    block => !['js', 'ts', 'json'].includes(block.language),
  )) {
    for (const [, script = ''] of code.matchAll(/npm run ([\w:]+)/g))
      assert.ok(script in scripts, `${page}: npm run ${script}`);
    for (const [, file = ''] of code.matchAll(/node_modules\/deferred-sweep\/([\w./-]+)/g))
      assert.ok(existsSync(join(packageRoot, file)), `${page}: ${language}: ${file}`);
    for (const [file] of code.matchAll(/\btest\/[\w./-]+\.ts/g))
      assert.ok(existsSync(join(packageRoot, file)), `${page}: ${file}`);
  }
});

test('each block of YAML is one, and its alert rules ask for metrics that the page lists', () => {
  for (const { page, code } of of('yaml')) {
    assert.ok(parseYaml(code), page);
    if (!code.includes('expr:')) continue;
    const listed = new Set(
      readFileSync(join(packageRoot, page), 'utf8').match(/(?<=^\| `)deferred_sweep_\w+/gm),
    );
    for (const [metric] of code.matchAll(/deferred_sweep_\w+/g))
      assert.ok(listed.has(metric), `${page}: ${metric}`);
  }
});

const promtool = spawnSync('promtool', ['--version']).status === 0;
test('Prometheus reads the alert rules', {
  skip: promtool ? false : 'SKIPPED: no promtool here; install the package prometheus',
}, t => {
  const file = join(freshDirectory(t), 'rules.yml');
  const rules = of('yaml').filter(({ code }) => code.includes('expr:'));
  assert.ok(rules.length > 0);
  for (const { code } of rules) {
    writeFileSync(file, code);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  }
});

const analyzer = spawnSync('systemd-analyze', ['--version']).status === 0;
test('systemd reads the units', {
  skip: analyzer ? false : 'SKIPPED: no systemd-analyze here; install the package systemd',
}, t => {
  const directory = freshDirectory(t);
  // supervisord's files are INI, too: test/hooks/ runs them.
  const units = of('ini').filter(({ code }) => /^\[(Unit|Service)\]/m.test(code));
  assert.ok(units.length > 0);
  for (const [index, { code }] of units.entries()) {
    const file = join(directory, `unit-${index}.service`);
    // Programs and the user need not be on this machine.
    writeFileSync(file, code.replaceAll(/\/usr\/bin\/[\w-]+/g, '/bin/true').replace(/^User=.*\n/m, ''));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    });
    const about = stderr
      .split('\n')
      .filter(line => line.includes(`unit-${index}`))
      .join('\n');
    assert.deepEqual([status, about], [0, ''], stderr);
  }
});

test('what README says of the command is what the command says', () => {
  const [synopsis = ''] = of('text')
    .filter(({ page, code }) => page === 'README.md' && code.includes('doctor [BASE]'))
    .map(({ code }) => code);
  const verbs = [...synopsis.matchAll(/^deferred-sweep (?:\[)?([\w| ]+?)(?:\]| [A-Z[-]| --)/gm)].flatMap(
    ([, words = '']) => words.split('|').map(word => word.trim()),
  );
  assert.ok(verbs.length >= 8, `${verbs}`);
  for (const verb of verbs) assert.equal(runCommandLine([verb, '--help']).status, 0, verb);
});
