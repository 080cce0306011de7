/** The laws as tests of a process of its own, which may be another user's. */
import { test } from 'node:test';
import { LAWS } from './laws.ts';

for (const [title, law] of Object.entries(LAWS)) test(title, law);
