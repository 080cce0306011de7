import { examine, type Finding } from '../../operate/doctor.ts';
import { printableLines } from '../../printable.ts';
import { resolveTrust } from '../../trust/trust.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { forEachBase, jsonLine, print } from '../output/output.ts';

export async function runDoctor(line: Arguments): Promise<number> {
  const { operands } = line;
  if (operands.length > 1) throw new UsageError(`doctor takes one BASE, got ${operands.length}`);
  const { trustedPaths, trustedGroups } = line.trust;
  const trust = resolveTrust(trustedPaths, trustedGroups);
  const bases = basesOf(line, missing => `looking at what is above ${missing}`);
  return forEachBase(bases, 'examine', line.has('json'), base => {
    const findings = examine(base, trust);
    print(line.has('json') ? jsonLine({ base, findings }) : printableLines(findings.map(lineOf)));
    return findings.some(({ verdict }) => verdict === 'bad') ? EXIT_FAILED : EXIT_DONE;
  });
}

function lineOf({ subject, verdict, text }: Finding): string {
  return `${verdict.padEnd(8)}${subject.padEnd(12)}${text}`;
}
