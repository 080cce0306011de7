import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../helpers/command-line.ts';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as { files: string[]; engines: { node: string } };
const workflows = readdirSync(join(packageRoot, '.github/workflows')).map(
  name => `.github/workflows/${name}`,
);

test('each action of a workflow is pinned by its commit, and no workflow may write to the repository', () => {
  for (const workflow of workflows) {
    const text = read(workflow);
    const actions = [...text.matchAll(/uses: *(.*)/g)].map(([, action]) => action ?? '');
    assert.ok(actions.length > 0, workflow);
    for (const action of actions)
      assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, workflow);
    assert.match(text, /^permissions:\n {2}contents: read$/m, workflow);
    assert.doesNotMatch(text, /(contents|packages|actions|pull-requests): write/, workflow);
  }
});

test('the release is tried on Linux and macOS, on Node 20 to 26, and published with provenance', () => {
  const release = read('.github/workflows/release.yml');
  for (const needed of [
    'ubuntu-',
    '-arm',
    'macos-14',
    'intel',
    'node: [20, 22, 24, 26]',
    '--provenance',
    'id-token: write',
  ])
    assert.ok(release.includes(needed), `release.yml lacks ${needed}`);
});

test('every placeholder that a person has to fill is listed in CONTRIBUTING, and the release refuses each', () => {
  const listed = new Set(read('CONTRIBUTING.md').match(/[A-Z]+(?:-[A-Z]+)*-PLACEHOLDER/g));
  const used = new Set<string>();
  const files = ['package.json', '.github/ISSUE_TEMPLATE/config.yml'];
  files.push(...readdirSync(packageRoot).filter(name => name.endsWith('.md') && name !== 'CONTRIBUTING.md'));
  files.push(
    ...readdirSync(join(packageRoot, 'docs'))
      .filter(name => name.endsWith('.md'))
      .map(name => `docs/${name}`),
  );
  for (const file of files)
    for (const [name] of read(file).matchAll(/[A-Z]+(?:-[A-Z]+)*-PLACEHOLDER/g)) used.add(name);
  assert.deepEqual([...used].sort(), [...listed].sort());
  assert.match(read('.github/workflows/release.yml'), /-- '-PLACEHOLDER' \.; then exit 1/);
});

test('the package has its changelog, the page about upgrading and the one about security', () => {
  for (const file of ['CHANGELOG.md', 'UPGRADING.md', 'SECURITY.md']) {
    assert.ok(manifest.files.includes(file), file);
    assert.match(read('README.md'), new RegExp(`\\[${file}\\]\\(${file}\\)`));
  }
});
