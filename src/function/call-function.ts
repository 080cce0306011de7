import { listOf, restore } from '../value/decode.ts';
import { restoreSource } from './closure/restore-source.ts';
import { runCommand } from './command.ts';
import type { StoredCall } from './descriptor.ts';
import { findImported, importFunction } from './module/module-reference.ts';

/**
 * What a stored call returns, awaited: its arguments are decoded, its function is found or compiled, and called.
 * Apart from {@link DeferredFunction} so that a process that only runs functions does not load what captures them.
 *
 * @throws `DEFERRED_FUNCTION_MISSING`, `DEFERRED_COMMAND_FAILED`, `DEFERRED_STATE_CORRUPT`; what the function throws
 */
export async function callStored({ descriptor, encodedArguments }: StoredCall): Promise<unknown> {
  if (descriptor.kind === 'command') return await runCommand(descriptor);
  if (descriptor.kind === 'source') {
    const { function: fn, args } = await restoreSource(descriptor, encodedArguments);
    return await Reflect.apply(fn, undefined, listOf(args));
  }
  const args = listOf(restore(encodedArguments));
  const { value: fn, receiver } = findImported(descriptor) ?? (await importFunction(descriptor));
  return await Reflect.apply(fn, receiver, args);
}
