/** What the reports of a program that lived to its end must say of the orphans that were run for it. */
import { basename } from 'node:path';
import type { FunctionReport, SweepReport, UserReport } from '#dist/index.js';
import type { Outcome } from './promises.ts';

/**
 * Each function of a dead owner that ran while its sweeper lived is in a report of it, and as what it came to. Where the
 * sweeper could not read what its runner said, the file is in the report, with that as its error.
 */
export function unreported(outcome: Outcome): string[] {
  const { ended, lane } = outcome;
  const { opensJobs = false } = lane.scenario;
  if (ended.signal !== null || ended.hangingProcesses !== undefined) return [];
  // An open() that fails after its sweep throws: its report went to the logger.
  if (opensJobs && ended.told.some(line => line.startsWith('threw '))) return [];
  if (lane.scenario.user !== undefined) return uncounted(ended);
  const failing = outcome.told.filter(line => line.startsWith('failing ')).map(line => line.slice(8));
  const said = saidOf(ended.told);
  const untold = untoldOf(ended.told);
  return [...lane.orphaned].flatMap(([key, name]) => {
    const times = ended.atDeath.filter(line => line.name === name).length;
    const reports = said.get(key) ?? [];
    if (times > 0 && reports.length === 0 && !untold.has(key.split(' ')[0]!))
      return [`${name} ran, and no report says so`];
    if (times === 0 && reports.some(({ outcome }) => outcome === 'ok'))
      return [`${name} did not run, and a report says so`];
    if (failing.includes(name) && reports.some(({ outcome }) => outcome === 'ok'))
      return [`${name} failed, and a report says that it did not`];
    return [];
  });
}

/** Root is told numbers only: as many as ran, unless the user's sweep did not come to its end. */
function uncounted({ told, atDeath }: Outcome['ended']): string[] {
  return (
    told
      .filter(line => line.startsWith('{'))
      .flatMap(line => (JSON.parse(line) as { users?: readonly UserReport[] }).users ?? [])
      // Where the report could not be read, the reason says so.
      .filter(({ sweep, reason }) => sweep !== undefined || reason === undefined)
      .filter(({ outcome, sweep }) => outcome === 'swept' && sweep?.ok !== atDeath.length)
      .map(({ sweep }) => `${atDeath.length} ran, and the report says ${sweep?.ok}`)
  );
}

/** What all reports say, by file name and number. */
function saidOf(told: readonly string[]): Map<string, FunctionReport[]> {
  const said = new Map<string, FunctionReport[]>();
  for (const line of told) {
    if (!line.startsWith('{')) continue;
    const { files = [] } = JSON.parse(line) as Partial<SweepReport>;
    for (const { path, functions = [] } of files) {
      for (const ran of functions) {
        const key = `${basename(path)} ${ran.id}`;
        said.set(key, [...(said.get(key) ?? []), ran]);
      }
    }
  }
  return said;
}

/** Names of files of which a report says that nothing is known of their functions. */
function untoldOf(told: readonly string[]): Set<string> {
  const reports = told
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Partial<SweepReport>);
  return new Set(
    reports.flatMap(({ files = [] }) =>
      files.filter(({ error }) => error?.message.startsWith('cannot tell')).map(({ path }) => basename(path)),
    ),
  );
}
