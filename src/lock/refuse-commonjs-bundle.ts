import { bundled } from './addon-missing.ts';

// The first module of `deferred-sweep`: in a bundle of CommonJS there is no `import.meta.url`, which others need at once,
// and what they would say of it is no help. (`sideEffects` of package.json names this file.)
const url: string | undefined = import.meta.url;
if (url === undefined) throw bundled(url);
