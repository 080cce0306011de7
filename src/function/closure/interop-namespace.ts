import { isObject } from '../module/search-values.ts';

/** What Babel, swc and TypeScript put around `require` where the program says `import * as` or `import()`. */
type Interop = (module: unknown, isNodeInterop?: boolean) => unknown;

/** Their texts have no other word in common. */
export function isInterop(value: unknown): boolean {
  return typeof value === 'function' && String(value).includes('__esModule');
}

/** A new one, which remembers what it made: the same module gives the same namespace. */
export function createInterop(isDefaultFirst: boolean): Interop {
  const made = [new WeakMap<object, object>(), new WeakMap<object, object>()] as const;
  return (module, isNodeInterop = false) => {
    if (!isObject(module)) return Object.assign(Object.create(null), { default: module });
    if (!isNodeInterop && Reflect.get(module, '__esModule')) return module;
    const known = made[isNodeInterop ? 1 : 0];
    let namespace = known.get(module);
    if (namespace === undefined) {
      namespace = toNamespace(module, isDefaultFirst);
      known.set(module, namespace);
    }
    return namespace;
  };
}

/** TypeScript's: each member is read from the module when it is used. */
export function importStar(module: unknown): unknown {
  if (isObject(module) && Reflect.get(module, '__esModule')) return module;
  const namespace = {};
  for (const key of Object.getOwnPropertyNames(module ?? {}).filter(name => name !== 'default')) {
    const own = Object.getOwnPropertyDescriptor(module, key)!;
    const isConstant = 'value' in own && !own.writable && !own.configurable;
    const get = () => Reflect.get(module as object, key) as unknown;
    Object.defineProperty(namespace, key, isConstant ? own : { enumerable: true, get });
  }
  return Object.defineProperty(namespace, 'default', { enumerable: true, value: module });
}

function toNamespace(module: object, isDefaultFirst: boolean): object {
  const namespace = Object.create(null) as Record<string, unknown>;
  if (isDefaultFirst) namespace.default = module;
  for (const key in module) {
    const property = key === 'default' ? undefined : Object.getOwnPropertyDescriptor(module, key);
    if (property === undefined) continue;
    if (property.get || property.set) Object.defineProperty(namespace, key, property);
    else namespace[key] = property.value;
  }
  namespace.default = module;
  return namespace;
}
