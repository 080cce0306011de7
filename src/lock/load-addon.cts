/**
 * Loads the addon from one of two places in this package. No other place is searched, so that no addon of another package
 * is loaded, and none that the environment names.
 *
 * CommonJS, so that `--require` can load it before any loader: not every Node can `require` our ES modules there.
 */
const { existsSync } = require('node:fs') as typeof import('node:fs');
const { join } = require('node:path') as typeof import('node:path');

// This file is `dist/lock/load-addon.cjs`. `@vercel/nft` understands these expressions and packs what they may name.
const COMPILED = join(__dirname, '../../build/Release/deferred_sweep.node');
const PREBUILT = join(
  __dirname,
  '../../prebuilds',
  `${process.platform}-${process.arch}`,
  'deferred_sweep.node',
);

/** The addon compiled on this machine comes first: it may replace a prebuilt one that does not load. */
const loadAddon: import('./native.ts').AddonLoader['loadAddon'] = () => {
  const tried: import('./addon-missing.ts').TriedAddon[] = [];
  for (const path of [COMPILED, PREBUILT]) {
    if (!existsSync(path)) {
      tried.push({ path, cause: undefined });
      continue;
    }
    try {
      return { addon: require(path), path };
    } catch (cause) {
      tried.push({ path, cause });
    }
  }
  return { tried };
};

module.exports = { loadAddon, directory: __dirname } satisfies import('./native.ts').AddonLoader;
