/** Draws docs/performance.md between its markers, and a chart for each question. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { QUESTIONS } from '../questions/index.mjs';
import { Look } from './aims.mjs';
import { bars } from './bars.mjs';
import { figure } from './figure.mjs';
import { lines } from './lines.mjs';
import { ORIGINAL, original } from './original.mjs';
import { RESULTS } from './results.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'docs/performance.md');
const CHARTS = join(ROOT, 'docs/charts');
const [BEGIN, END] = ['<!-- drawn by npm run bench: from here -->', '<!-- to here -->'];
const OF_ONE_RUN =
  'Best and median of one run in which all took turns; a ratio is of the bests. Each question names its machine: times of two are not to be compared.';

export async function drawPage(results) {
  rmSync(CHARTS, { recursive: true, force: true });
  mkdirSync(CHARTS);
  const answers = await Promise.all(
    QUESTIONS.filter(name => results.questions[name]).map(async name => ({
      name,
      about: (await import(`../questions/${name}.mjs`)).about,
      ...results.questions[name],
    })),
  );
  for (const answer of answers) drawChart(answer);
  const drawn = [BEGIN, OF_ONE_RUN, summary(answers), ...answers.map(section), END].join('\n\n');
  const before = readFileSync(PAGE, 'utf8');
  const [start, end] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (start < 0 || end < 0) throw new Error(`${PAGE} has lost its markers`);
  writeFileSync(PAGE, before.slice(0, start) + drawn + before.slice(end + END.length));
  format();
}

/** As the rest of the tree. */
function format() {
  const biome = join(ROOT, 'node_modules/.bin/biome');
  execFileSync(biome, ['format', '--write', PAGE, RESULTS], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function isGrowing(about) {
  return about.axis !== undefined;
}

/** Its rows of its unit, and the original's. */
function rowsOf({ name, about, rows }) {
  const mine = rows.filter(
    row => row.unit === undefined && (!isGrowing(about) || typeof row.size === 'number'),
  );
  const others = (original[name] ?? []).map(row => ({ who: ORIGINAL, ...row }));
  return [...mine, ...others];
}

function drawChart(answer) {
  const { name, about } = answer;
  const rows = rowsOf(answer);
  const chart = isGrowing(about)
    ? lines(about.title, about.unit, about.axis, rows)
    : bars(about.title, about.unit, rows);
  writeFileSync(join(CHARTS, `${name}.svg`), chart);
}

function machineText({ processor, processors, memoryGiB, kernel, node, fileSystems }) {
  return `${processors} × ${processor}, ${memoryGiB} GiB, ${kernel}, Node ${node}; "disk" is ${fileSystems.disk}, the rest on ${fileSystems.tmpfs}`;
}

function summary(answers) {
  const found = answers.flatMap(({ about, rows }) =>
    (about.aims?.(new Look(rows, about.unit)) ?? []).filter(line => line !== undefined),
  );
  return [
    '### Against the floor',
    '',
    'The floor is what the kernel needs for the calls without which the protocol cannot do: `bench/floor.c`. The aims are ours.',
    '',
    '| question | floor | ours, best / median | ratio | aim |',
    '| --- | --- | --- | --- | --- |',
    ...found.map(
      ({ what, floor, ours, ratio, aim }) => `| ${what} | ${floor} | ${ours} | ${ratio} | ${aim} |`,
    ),
  ].join('\n');
}

function section(answer) {
  const { name, about, date, commit, load, machine } = answer;
  const rows = rowsOf(answer);
  const parts = [
    `### ${about.title}`,
    `${about.text}`,
    `![${about.title}, ${about.unit}](charts/${name}.svg)`,
    isGrowing(about) ? growthTable(about, rows) : '',
    otherUnits(answer.rows),
    `\`npm run bench -- ${name}\`, ${date}, commit ${commit}, load ${load} before it. ${machineText(machine)}.`,
  ];
  return parts.filter(part => part !== '').join('\n\n');
}

function growthTable(about, rows) {
  const sizes = [...new Set(rows.map(row => row.size))].sort((a, b) => a - b);
  const cell = (who, size) => {
    const row = rows.find(one => one.who === who && one.size === size);
    return row ? figure(row.best) : '';
  };
  return [
    `| ${about.axis}; best, ${about.unit} | ${sizes.map(size => size.toLocaleString('en')).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(sizes.length)}`,
    ...[...new Set(rows.map(row => row.who))].map(
      who => `| ${who} | ${sizes.map(size => cell(who, size)).join(' | ')} |`,
    ),
  ].join('\n');
}

/** What was measured beside the question, in units of its own or of a size that is not on the axis. */
function otherUnits(rows) {
  const others = rows.filter(row => row.unit !== undefined);
  if (others.length === 0) return '';
  const line = row =>
    `| ${row.who}${row.size === undefined ? '' : `, ${row.size.toLocaleString('en')}`} | ${figure(row.best)} ${row.unit} | ${figure(row.median)} ${row.unit} |`;
  return ['| beside it | best | median |', '| --- | ---: | ---: |', ...others.map(line)].join('\n');
}
