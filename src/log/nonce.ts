/** Nonces: they name the sweep, and the process of it, that wrote a claim or a mark. `docs/format.md`, "claim". */
import { randomBytes } from 'node:crypto';

/** Returns a name for a sweep or a job that no other process will choose. */
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
