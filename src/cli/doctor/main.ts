import type { Arguments } from '../arguments.ts';
export async function runDoctor(_line: Arguments): Promise<number> {
  return 0;
}
