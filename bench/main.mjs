/**
 * Measures this package beside its peers and beside what the kernel alone takes, and draws docs/performance.md.
 *
 * usage: npm run bench -- [QUESTION...] [--brief] [--full] [--rounds N] [--against CHECKOUT]...
 *   QUESTION   one or some; the others keep the figures that they have in bench/results.json
 *   --brief    some rounds of each, to see that it works; writes nothing
 *   --full     also what takes minutes: memory beside 100,000 orphans and large files
 *   --rounds   at most so many rounds; for trying
 *   --against  measures another checkout, which is built, beside this one; writes nothing
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { circumstances, machine } from './machine.mjs';
import { drawPage } from './page/page.mjs';
import { readResults, writeResults } from './page/results.mjs';
import { prepare } from './prepare.mjs';
import { QUESTIONS } from './questions/index.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    brief: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    full: { type: 'boolean', default: false },
    against: { type: 'string', multiple: true, default: [] },
    /** Draws the page from the figures that are there. */
    draw: { type: 'boolean', default: false },
  },
});
for (const name of positionals)
  if (!QUESTIONS.includes(name)) throw new Error(`no question ${name}; there are ${QUESTIONS.join(', ')}`);

if (!values.draw) await answer();
else await drawPage(readResults());

async function answer() {
  const { brief: isBrief, full: isFull } = values;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const against = values.against.map(directory => resolve(directory));
  const isKept = !isBrief && against.length === 0;
  prepare({ isBrief });
  // Node would read them at each start.
  delete process.env.NODE_EXTRA_CA_CERTS;
  console.log(JSON.stringify(machine()));
  for (const name of positionals.length > 0 ? positionals : QUESTIONS) {
    const startMs = performance.now();
    console.log(`\n${name}`.padEnd(48), 'best'.padStart(9), 'median'.padStart(10));
    const now = circumstances();
    const { rows, skipped } = await ask(name, { isBrief, isFull, against, rounds });
    if (skipped) console.log(`  NOT MEASURED: ${skipped}`);
    console.log(`  ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    // Each as soon as it is known.
    if (isKept && !skipped)
      writeResults({ questions: { ...readResults().questions, [name]: { ...now, rows } } });
  }
  if (isKept) await drawPage(readResults());
}

/** Answers a question in a process of its own, which begins with nothing compiled and nothing to collect. */
async function ask(name, options) {
  const program = fileURLToPath(new URL('run-question.mjs', import.meta.url));
  const child = fork(program, [name, JSON.stringify(options)], { execArgv: ['--expose-gc'] });
  let answered;
  child.on('message', message => {
    answered = message;
  });
  const [code, signal] = await once(child, 'exit');
  if (!answered || code !== 0) throw new Error(`${name} was not answered: ${code ?? signal}`);
  return answered;
}
