/** Nonces: which sweep, and which of its processes, wrote a claim or a mark. `docs/format.md`, section "claim". */
import { randomBytes } from 'node:crypto';

/** Names a sweep, or the end of a job. No other process will choose it. */
export function freshSweepId(): string {
  return randomBytes(8).toString('hex');
}

/** @param process - 0 for the sweeper or the owner, then one number for each runner */
export function nonceOf(sweepId: string, process: number): string {
  return `${sweepId}.${process}`;
}

export function isSweepersNonce(nonce: string): boolean {
  return nonce.endsWith('.0');
}

export function isOfSweep(nonce: string, sweepId: string): boolean {
  return nonce.startsWith(`${sweepId}.`);
}
