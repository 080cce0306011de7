import { oldNode } from './old-node.ts';

// The first module of each entry point. (`sideEffects` of package.json names this file.)
const error = oldNode();
if (error) throw error;
