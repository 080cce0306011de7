import { bundled } from './addon-missing.ts';

// A CommonJS bundle has no `import.meta.url`, and the errors of modules that need it
// would not help. (`sideEffects` of package.json names this file.)
const url: string | undefined = import.meta.url;
if (url === undefined) throw bundled(url);
