/** The verb `doctor`. */
import { examine, type Finding } from '../../operate/doctor.ts';
import { printable } from '../../printable.ts';
import { resolveTrust } from '../../trust/trust.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { failed, jsonLine, print } from '../output/output.ts';

export async function runDoctor(line: Arguments): Promise<number> {
  const { operands } = line;
  if (operands.length > 1) throw new UsageError(`doctor takes one BASE, got ${operands.length}`);
  const { trustedPaths, trustedGroups } = line.trust;
  const trust = resolveTrust(trustedPaths, trustedGroups);
  const [base = ''] = basesOf(line, missing => `looking at what is above ${missing}`);
  try {
    const findings = examine(base, trust);
    tell(base, findings, line.has('json'));
    return findings.some(({ verdict }) => verdict === 'bad') ? EXIT_FAILED : EXIT_DONE;
  } catch (error) {
    return failed(error, `cannot examine ${base}`, line.has('json') ? { base } : undefined);
  }
}

function tell(base: string, findings: readonly Finding[], isJson: boolean): void {
  if (isJson) print(jsonLine({ base, findings }));
  else
    for (const { subject, verdict, text } of findings)
      print(`${printable(`${verdict.padEnd(8)}${subject.padEnd(12)}${text}`)}\n`);
}
