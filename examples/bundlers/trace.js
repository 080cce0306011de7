/** Copies a program and the files that `@vercel/nft` finds it to need: node trace.js PROGRAM DIRECTORY */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';

const [, , program, directory] = process.argv;
const { fileList } = await nodeFileTrace([program], { base: import.meta.dirname });
for (const file of fileList)
  cpSync(join(import.meta.dirname, file), join(directory, file), { recursive: true });
