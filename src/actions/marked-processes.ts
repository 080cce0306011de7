/** Finding the processes that have a token, and those below them. */
import { setTimeout } from 'node:timers/promises';
import { type ProcessEntry, readEnvironment, readProcessTable } from '../native/process-table.ts';
import { hasToken } from './token.ts';

/** What one look at the processes found. */
export interface Found {
  /** Those with the token in their environment, and all below one of these or of `roots`. */
  readonly processes: readonly ProcessEntry[];
  /** This process and its ancestors, where they are among them: never in `processes`. */
  readonly spared: readonly ProcessEntry[];
}

/** How often a look that may have missed something is repeated. */
const LOOKS = 5;
/** Longer than a program takes to start another, in which its environment reads as empty. */
const BETWEEN_LOOKS_MS = 5;

/**
 * Looks until it finds something, or may say that there is nothing: no process ended during the look, leaving a child
 * behind, and none was just starting another program. On a machine that is never that quiet, after five looks.
 * @param roots - processes known to belong here, whose children do, too
 */
export async function findMarked(token: string, roots: readonly ProcessEntry[] = []): Promise<Found> {
  for (let look = 1; ; look++) {
    const { found, isCertain } = await lookOnce(token, roots);
    if (isCertain || found.processes.length > 0 || look === LOOKS) return found;
    await setTimeout(BETWEEN_LOOKS_MS);
  }
}

async function lookOnce(
  token: string,
  roots: readonly ProcessEntry[],
): Promise<{ readonly found: Found; readonly isCertain: boolean }> {
  const marked: ProcessEntry[] = [];
  let isCertain = true;
  const { entries, hasVanished } = await readProcessTable(entry => {
    if (entry.isKernel) return;
    const environment = readEnvironment(entry.pid);
    if (environment === '') isCertain = false;
    else if (environment !== undefined && hasToken(environment, token)) marked.push(entry);
  });
  const byPid = new Map(entries.map(entry => [entry.pid, entry]));
  const known = roots.filter(root => byPid.get(root.pid)?.start === root.start);
  const all = withDescendants([...marked, ...known], entries);
  const untouchable = ancestors(process.pid, byPid);
  return {
    found: {
      processes: all.filter(({ pid }) => !untouchable.has(pid)),
      spared: all.filter(({ pid }) => untouchable.has(pid)),
    },
    isCertain: isCertain && !hasVanished,
  };
}

/** The processes and all below them. */
function withDescendants(
  roots: readonly ProcessEntry[],
  entries: readonly ProcessEntry[],
): readonly ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of entries) {
    const siblings = children.get(entry.parent);
    if (siblings === undefined) children.set(entry.parent, [entry]);
    else siblings.push(entry);
  }
  const found = new Map(roots.map(root => [root.pid, root]));
  // A Map's iterator comes to what is added meanwhile.
  for (const parent of found.values()) {
    for (const child of children.get(parent.pid) ?? []) {
      // No child is older than its parent: this one's parent has ended, and another process has its number.
      if (child.start < parent.start || found.has(child.pid)) continue;
      found.set(child.pid, child);
    }
  }
  return [...found.values()];
}

/** A process, its parent, and so on, and pid 1. */
function ancestors(pid: number, byPid: ReadonlyMap<number, ProcessEntry>): ReadonlySet<number> {
  const found = new Set([1]);
  for (let at: number | undefined = pid; at !== undefined && at > 0 && !found.has(at); ) {
    found.add(at);
    at = byPid.get(at)?.parent;
  }
  return found;
}
