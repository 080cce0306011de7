/** What was tried and what was found: every test of the torture adds its rows, `main.ts` prints them at the end. */
import { appendFileSync, readFileSync } from 'node:fs';
import type { Part } from './budget.ts';

/** The name in the environment of the file that collects the rows. */
export const TABLE = 'TORTURE_TABLE';

export interface Row {
  readonly part: Part;
  /** Scenario, file system or corpus: what was tortured. */
  readonly what: string;
  /** Points, files or operations tried. */
  readonly tried: number;
  /** Of how many, where that is known; fewer were tried because the time was up. */
  readonly of?: number;
  readonly found: number;
}

export function addRow(row: Row): void {
  const path = process.env[TABLE];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(row)}\n`);
}

export function readRows(path: string): Row[] {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map(line => JSON.parse(line) as Row);
}

export function formatRows(rows: readonly Row[]): string {
  const cells = rows.map(row => [
    row.part,
    row.what,
    row.of === undefined ? `${row.tried}` : `${row.tried} of ${row.of}`,
    `${row.found}`,
  ]);
  const all = [['part', 'what', 'tried', 'found'], ...cells];
  const widths = [0, 1, 2, 3].map(column => Math.max(...all.map(row => row[column]?.length ?? 0)));
  return all.map(row => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}
