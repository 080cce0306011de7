// Checks the pages: every relative link and anchor exists, README links only to what the package has, and each code block
// has a language that is checked: js, ts and json here. Needs a build (`npm run build:ts`). Exit: 0 all held, else 1.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
  'docs/model/README.md',
];
const problems = [];
for (const page of pages) {
  const text = readFileSync(join(root, page), 'utf8');
  checkLinks(page, text);
  for (const [, language, type, code] of text.matchAll(/^```(\S*) ?(\S*)\n(.*?)^```$/gms))
    for (const message of wrongBlock(language, type, code))
      problems.push(`${page}: ${language} block: ${message}`);
}
checkReadme();
for (const problem of problems) console.error(problem);
console.log(`check-docs: ${pages.length} pages, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function checkLinks(page, text) {
  for (const target of linksOf(text)) {
    const [file, anchor] = target.split('#');
    const path = file === '' ? join(root, page) : join(root, dirname(page), file);
    if (!existsSync(path)) problems.push(`${page}: no such file: ${target}`);
    else if (anchor && path.endsWith('.md') && !anchorsOf(path).has(anchor))
      problems.push(`${page}: no such heading: ${target}`);
  }
}

/** Targets of links within the repository. */
function linksOf(text) {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target).filter(t => !/^[a-z]+:/.test(t));
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(path) {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** npmjs.com shows README, and `npm docs` opens it from the package: both have only what is packed. */
function checkReadme() {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packed = [...files, 'LICENSE', 'README.md', 'package.json'];
  for (const target of linksOf(readFileSync(join(root, 'README.md'), 'utf8'))) {
    const [file] = target.split('#');
    if (file === '') continue; // a heading of README
    if (file.startsWith('src/') || !packed.some(name => file === name || file.startsWith(`${name}/`)))
      problems.push(`README.md: links to what the package does not have: ${target}`);
  }
}

/** What is wrong with a block. Shell lines are checked by `test/examples/blocks.test.ts`, files that
 * need other packages (cjs, mjs) by `test:bundlers` and `test:examples`; a `text` block is no code. */
function wrongBlock(language, type, code) {
  if (language === 'js' || language === 'ts') return wrongProgram(language, code);
  if (language === 'json')
    return type === ''
      ? wrongJson(code)
      : wrongProgram('ts', `${importOf(type)}export const it: ${type} = ${code};`);
  if (['cjs', 'mjs', 'sh', 'console', 'yaml', 'ini', 'crontab', 'dockerfile', 'text'].includes(language))
    return [];
  return ['no known language: it would not be checked'];
}

function importOf(type) {
  return `import type { ${type} } from '#dist/index.js';\n`;
}

function wrongJson(code) {
  try {
    JSON.parse(code);
    return [];
  } catch (error) {
    return [error.message];
  }
}

/** Type errors of a program, as if it lay in `test/job/`, with this package's own types. */
function wrongProgram(language, code) {
  const name = join(root, `test/job/block-of-a-page.test.${language === 'js' ? 'mjs' : 'ts'}`);
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'test/tsconfig.json'),
    { noEmit: true, incremental: false, allowJs: true, checkJs: true, noImplicitAny: language === 'ts' },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  const { tsBuildInfoFile, ...options } = config.options;
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = path => path === name || fileExists(path);
  host.readFile = path => (path === name ? code : readFile(path));
  host.getSourceFile = (path, ...rest) =>
    path === name ? ts.createSourceFile(path, code, ...rest) : getSourceFile(path, ...rest);
  const program = ts.createProgram([name], options, host);
  const source = program.getSourceFile(name);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText, start }) => {
      const { line } = source.getLineAndCharacterOfPosition(start ?? 0);
      return `line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')} (${relative(root, name)})`;
    },
  );
}
