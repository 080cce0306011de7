import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** CommonJS's variables that follow from the file's URL alone. */
const FROM_URL: Readonly<Record<string, (url: string) => unknown>> = {
  require: createRequire,
  __filename: url => fileURLToPath(url),
  __dirname: url => dirname(fileURLToPath(url)),
};

/** Helpers that transpilers put into the text of functions and that do nothing for what the function does. */
const HELPERS: readonly { readonly pattern: RegExp; readonly create: () => unknown }[] = [
  // esbuild, tsx: gives functions back the name that minification took.
  { pattern: /^__name$/, create: () => setName },
  // istanbul: `cov_1a2b().s[3]++` counts statements for the coverage report of a process that is gone.
  { pattern: /^cov_[0-9a-z]+$/, create: createIdleCounter },
];

/** Whether a stored function gets this variable from {@link provide}, so that its value need not be stored. */
export function isProvided(name: string, url: string | undefined): boolean {
  if (Object.hasOwn(FROM_URL, name)) return url?.startsWith('file:') === true;
  return HELPERS.some(({ pattern }) => pattern.test(name));
}

/** The value of a provided variable in a function that was written at `url`; undefined for an unknown name. */
export function provide(name: string, url: string | undefined): unknown {
  const fromUrl = Object.hasOwn(FROM_URL, name) ? FROM_URL[name] : undefined;
  if (fromUrl !== undefined) return url === undefined ? undefined : fromUrl(url);
  return HELPERS.find(({ pattern }) => pattern.test(name))?.create();
}

function setName(target: object, name: string): object {
  return Object.defineProperty(target, 'name', { value: name, configurable: true });
}

/** Whatever is read from it is itself, whatever is counted in it is forgotten. */
function createIdleCounter(): unknown {
  const counter: unknown = new Proxy(() => undefined, {
    apply: () => counter,
    get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : counter),
    set: () => true,
  });
  return counter;
}
