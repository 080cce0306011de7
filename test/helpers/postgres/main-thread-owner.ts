import type { TestContext } from 'node:test';
import { type Child, startChild } from '../child.ts';
import type { Pool } from './pool.ts';

/** An owner as it must not be, its session on the main thread. With it a test shows that it would notice. */
export async function mainThreadOwner(
  t: TestContext,
  pool: Pool,
  name: string,
  options: { readonly connection: string; readonly graceMs: number; readonly restartGraceMs: number },
): Promise<Child> {
  const all = { ...options, pool: pool.name, ledger: pool.ledger.path, name };
  const child = startChild(t, 'postgres/main-thread-owner', { args: [JSON.stringify(all)] });
  await child.next();
  return child;
}
