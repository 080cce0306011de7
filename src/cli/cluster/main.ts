/** `deferred-sweep cluster`: finds the verb, loads what it needs. */
import { type Arguments, parseArguments, type VerbRow } from '../arguments.ts';
import { EXIT_DONE, UsageError } from '../exit.ts';
import { OPTIONS } from '../options.ts';
import { failed, print } from '../output/output.ts';
import { requireTaken } from '../table.ts';
import { CONNECTION, clusterHelp, verbHelp } from '../verbs/help.ts';
import { CLUSTER_VERBS } from './table.ts';

/** Runs a command line without its first word, `cluster`. Returns the exit status. @throws UsageError */
export async function runCluster(argv: readonly string[]): Promise<number> {
  const all = parseArguments(argv);
  const [word, ...operands] = all.operands;
  const verb = CLUSTER_VERBS.find(({ name }) => name === `cluster ${word}`);
  if (all.has('help')) {
    print(verb ? verbHelp(verb, CONNECTION) : clusterHelp());
    return EXIT_DONE;
  }
  if (verb === undefined) {
    const names = CLUSTER_VERBS.map(({ name }) => name.split(' ')[1]).join(', ');
    throw new UsageError(`cluster needs one of ${names}, got ${word ?? 'nothing'}`);
  }
  const line = all.withOperands(operands);
  checkLine(verb, line);
  try {
    return await (await verb.load!())(line);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return failed(error, undefined, line.has('json') ? { pool: line.text('pool') } : undefined);
  }
}

function checkLine(verb: VerbRow, line: Arguments): void {
  requireTaken(verb, line, CLUSTER_VERBS);
  for (const option of ['pool', 'handlers'] as const)
    if (verb.options.includes(option) && line.text(option) === undefined)
      throw new UsageError(`${verb.name} needs --${option} ${OPTIONS[option].value}`);
  const { operands } = line;
  if (verb.operands === '' && operands.length > 0)
    throw new UsageError(`${verb.name} takes no ID, got ${operands.length}`);
  if (verb.operands === 'ID' && operands.length !== 1)
    throw new UsageError(`${verb.name} takes one ID, got ${operands.length}`);
  for (const id of operands)
    if (!/^[0-9a-f]{1,16}(\.\d{1,15})?$/.test(id))
      throw new UsageError(`ID must look like 41b485 or 41b485.2, got ${id === '' ? 'an empty one' : id}`);
}
