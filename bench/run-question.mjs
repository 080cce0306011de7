/** Answers one question, in a process of its own. `main.mjs` forks it, and is sent the rows. argv: question, options as JSON. */
import { Run } from './harness.mjs';

// If the command is ended, so is this, and what it has made is removed.
process.on('disconnect', () => process.exit(1));
const [name, options] = process.argv.slice(2);
const { about, measure } = await import(`./questions/${name}.mjs`);
const run = await Run.start(JSON.parse(options), about.unit);
const skipped = await measure(run);
// Jobs that are open, and children of the question, need not be waited for.
process.removeAllListeners('disconnect');
process.send({ rows: run.rows, skipped }, () => process.exit());
