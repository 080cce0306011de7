/** The verb `doctor`. */
import { examine } from '../../operate/doctor.ts';
import { printable } from '../../printable.ts';
import { defaultBase } from '../../state/default-base.ts';
import { resolveTrust } from '../../trust/trust.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { jsonLine, print } from '../output/output.ts';

export async function runDoctor(line: Arguments): Promise<number> {
  const { operands } = line;
  if (operands.length > 1) throw new UsageError(`doctor takes one BASE, got ${operands.length}`);
  if (operands[0] === '') throw new UsageError('BASE must not be empty');
  const base = operands[0] ?? defaultBase();
  const { trustedPaths, trustedGroups } = line.trust;
  const findings = examine(base, resolveTrust(trustedPaths, trustedGroups));
  if (line.has('json')) print(jsonLine({ base, findings }));
  else
    for (const { subject, verdict, text } of findings)
      print(`${printable(`${verdict.padEnd(8)}${subject.padEnd(12)}${text}`)}\n`);
  return findings.some(({ verdict }) => verdict === 'bad') ? EXIT_FAILED : EXIT_DONE;
}
