import type { DeferredFunction } from '../function/deferred-function.ts';
import { encodeDescriptor } from '../function/descriptor.ts';
import { captureEnvironment } from '../function/environment.ts';
import { codePathsOf } from '../function/module/code-path.ts';
import { epochMs } from '../log/clock.ts';
import type { DeferRecord, HeaderRecord, Place } from '../log/records.ts';
import { currentPlace, isSamePlace } from '../state/place.ts';
import { knownOwnersOf } from '../trust/code-owners.ts';
import type { JobOptions } from './options.ts';

/** What is written for a function when it is deferred, now and here. */
export function newRecord(
  id: number,
  deferred: DeferredFunction,
  header: HeaderRecord,
  options: JobOptions,
): DeferRecord {
  const { delivery, timeoutMs, maxAttempts, retryDelayMs } = options;
  return {
    kind: 'defer',
    id,
    name: deferred.name,
    function: encodeDescriptor(deferred.descriptor),
    arguments: deferred.encodedArguments,
    registeredAtEpochMs: epochMs(),
    ...elsewhere(header),
    ...environment(deferred, options.env),
    ...codeOwnersOf(deferred),
    delivery,
    timeoutMs,
    maxAttempts,
    retryDelayMs,
  };
}

/** The working directory, if it is not the header's. */
function elsewhere({ cwd }: HeaderRecord): { readonly cwd?: Place | null } {
  // Not by its name: another directory may have that now.
  const here = currentPlace();
  return isSamePlace(here, cwd) ? {} : { cwd: here };
}

function environment(
  deferred: DeferredFunction,
  names: readonly string[],
): { readonly env?: Readonly<Record<string, string | null>> } {
  const captured = names.length === 0 ? deferred.env : { ...captureEnvironment(names), ...deferred.env };
  for (const _name in captured) return { env: captured };
  return {};
}

/** Users other than root and us who could replace the code of a function: trusted now, and not more than these later. */
function codeOwnersOf({ descriptor }: DeferredFunction): { readonly codeOwners?: readonly number[] } {
  const owners = knownOwnersOf(codePathsOf(descriptor).map(({ path }) => path));
  return owners.length > 0 ? { codeOwners: owners } : {};
}
