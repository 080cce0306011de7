/** Nonces: they name the sweep, and the process of it, that wrote a claim or a mark. `docs/format.md`, "claim". */
import { randomUUID } from 'node:crypto';

/** A name for a sweep or a job that no other process will choose. */
export function freshSweepId(): string {
  // Node keeps random bytes ready for UUIDs alone. The digits at both ends of one are random, all 64 bits.
  const uuid = randomUUID();
  return uuid.slice(0, 8) + uuid.slice(-8);
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
