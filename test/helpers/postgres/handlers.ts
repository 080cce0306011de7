import { setTimeout as sleep } from 'node:timers/promises';
import { currentInvocation } from '#dist/postgres/index.js';
import { Ledger } from './ledger.ts';

/** Handlers of the tests: each writes to a ledger when it begins and ends. */
export const handlers = {
  note(path: string, name: string): void {
    const ledger = new Ledger(path);
    ledger.note('start', name, currentInvocation()?.fence);
    ledger.note('end', name);
  },
  async slow(path: string, name: string, ms: number): Promise<void> {
    const ledger = new Ledger(path);
    ledger.note('start', name, currentInvocation()?.fence);
    await sleep(ms);
    ledger.note('end', name);
  },
  fail(path: string, name: string, why = 'the cloud is away'): void {
    new Ledger(path).note('start', name);
    throw new Error(why);
  },
};

export type TestHandlers = typeof handlers;
