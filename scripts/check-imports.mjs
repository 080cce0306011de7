/**
 * The rooms of src/, checked: imports point down only, no file is on a circle of imports, and no room or file is too large
 * to be looked over. `node scripts/check-imports.mjs [--graph]`
 *
 * import() does not count for circles: the command table of cli/ loads each verb when it is used, and a verb may ask the
 * table.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** From the top down. The rooms of one line do not import each other. A room's own folders are parts of it. */
const FLOORS = [
  ['index'],
  ['cli'],
  ['postgres', 'actions', 'all-users'],
  ['operate', 'job', 'watch'],
  ['sweep'],
  ['runner'],
  ['attempt'],
  ['report', 'function'],
  ['state'],
  ['trust', 'log'],
  ['native', 'value'],
  ['lock'],
  ['refuse-old-node'],
  ['old-node', 'known-options'],
  ['errors', 'stop', 'event-loop', 'nearest', 'thread-pool'],
  ['printable'],
];
const MAX_FILES = 20;
const MAX_LINES = 250;

const problems = [];
const floorOf = new Map(FLOORS.flatMap((rooms, floor) => rooms.map(room => [room, floor])));
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && /\.c?ts$/.test(entry.name))
  .map(entry => relative(source, join(entry.parentPath, entry.name)))
  .sort();
const imports = new Map(files.map(file => [file, importsOf(file)]));

for (const file of files) {
  const lines = read(file).split('\n').length - 1;
  if (lines > MAX_LINES) problems.push(`${file} has ${lines} lines: more than ${MAX_LINES}`);
  const floor = floorOf.get(roomOf(file));
  if (floor === undefined) problems.push(`${file} is in no room of the list in scripts/check-imports.mjs`);
  for (const { target } of imports.get(file)) {
    if (roomOf(target) === roomOf(file)) continue;
    if (!(floorOf.get(roomOf(target)) > floor))
      problems.push(`${file} imports ${target}, which is not below it`);
  }
}
for (const [folder, count] of Object.entries(countBy(files, dirname))) {
  if (count > MAX_FILES) problems.push(`${folder} has ${count} files: more than ${MAX_FILES}`);
}
findCircles();

if (process.argv.includes('--graph')) {
  for (const [file, targets] of imports)
    console.log(file, '→', targets.map(({ target }) => target).join(' '));
}
for (const problem of problems) console.error(`check-imports: src/${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`check-imports: ${files.length} files on ${FLOORS.length} floors, no arrow up, no circle`);

function read(file) {
  return readFileSync(join(source, file), 'utf8');
}

function roomOf(file) {
  const [first] = file.split('/');
  return first.replace(/\.c?ts$/, '');
}

function importsOf(file) {
  const found = [];
  for (const [, keyword, specifier] of read(file).matchAll(/\b(from|import|import\() ?'(\.[^']+)'/g)) {
    const target = normalize(join(dirname(file), specifier)).replace(/\.(c?)js$/, '.$1ts');
    found.push({ target, isLate: keyword === 'import(' });
  }
  return found.filter(({ target }) => files.includes(target));
}

function countBy(items, key) {
  const counts = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}

function findCircles() {
  const done = new Set();
  const path = [];
  function visit(file) {
    if (done.has(file)) return;
    const at = path.indexOf(file);
    if (at >= 0) {
      problems.push(`${[...path.slice(at), file].join(' → ')} is a circle`);
      return;
    }
    path.push(file);
    for (const { target, isLate } of imports.get(file)) if (!isLate) visit(target);
    path.pop();
    done.add(file);
  }
  files.forEach(visit);
}
