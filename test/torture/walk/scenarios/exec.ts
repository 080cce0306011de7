import { fileURLToPath } from 'node:url';
import { BASE_VARIABLE } from '#dist/index.js';
import type { Scenario } from '../scenario.ts';

const COMMAND_LINE = fileURLToPath(import.meta.resolve('#dist/cli/main.js'));

const scenario: Scenario = {
  name: 'deferred-sweep exec, and defer in it',
  // What they had begun may be done.
  children: 'die',
  minimumPoints: 60,
  // 125: there was no job, and no program. 126: it could not be started.
  exitCodes: [0, 125, 126],
  async run(stage) {
    process.env[BASE_VARIABLE] = stage.base;
    process.env.TMPDIR = stage.base;
    const command = (name: string): string => `echo ${name} own >> '${stage.ledger}'`;
    // The program says what is registered. Without a wrapper, or one that refuses, `defer` fails.
    const program = [
      'echo deferred first',
      `'${process.execPath}' '${COMMAND_LINE}' defer -- sh -c "${command('second')}" >&2 && echo deferred second`,
      `id=$('${process.execPath}' '${COMMAND_LINE}' defer -- sh -c "${command('third')}") && echo deferred third && ` +
        `echo cancelling third && '${process.execPath}' '${COMMAND_LINE}' cancel "$id" >&2 && echo cancelled third`,
      'true',
    ].join('; ');
    const options = ['--scratch', '--defer', command('first')];
    await stage.commandLine('exec', ...options, '--', 'sh', '-c', program);
  },
};
export default scenario;
