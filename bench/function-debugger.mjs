/**
 * Is the debugger domain of the inspector off again after a capture? While it is on, `await` is several times slower.
 * Aim: with the library's session connected and functions captured, an `await` costs what it did before.
 */
import { Session } from 'node:inspector';
import { DeferredFunction } from 'deferred-sweep';
import { makeClosure } from './function-cases.mjs';
import { compare, printMachine } from './function-report.mjs';

printMachine();
const calls = 200_000;
const candidates = {
  'await loop': async () => {
    for (let i = 0; i < calls; i++) await undefined;
  },
};

console.log('before any capture');
const { 'await loop': before } = await compare(candidates, calls, 11);
DeferredFunction.create(makeClosure(1), '/scratch');
console.log('after a capture');
const { 'await loop': after } = await compare(candidates, calls, 11);
console.log('with a debugger on, for comparison');
const session = new Session();
session.connect();
session.post('Debugger.enable');
const { 'await loop': enabled } = await compare(candidates, calls, 3);
session.disconnect();
console.log(
  `after / before: ${(after / before).toFixed(2)} (aim: 1.1); debugger on / before: ${(enabled / before).toFixed(2)}`,
);
