// Puts cbor-x into dist/, with its license: what it would bring along as a dependency, cbor-extract, has an install script
// that package managers warn of, and is never loaded here.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

export async function bundleCborX(outfile) {
  const require = createRequire(import.meta.url);
  const directory = dirname(require.resolve('cbor-x/package.json'));
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const license = readFileSync(join(directory, 'LICENSE'), 'utf8').trim();
  const { metafile } = await build({
    // Its pure JavaScript, which makes no code from text either.
    stdin: {
      contents:
        "const { Encoder, Tag } = require('cbor-x/index-no-eval'); module.exports = { Encoder, Tag };",
      resolveDir: directory,
    },
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    metafile: true,
    legalComments: 'inline',
    banner: { js: `/*\ncbor-x ${version}, https://github.com/kriszyp/cbor-x\n\n${license}\n*/` },
  });
  const foreign = Object.keys(metafile.inputs).filter(
    path => path !== '<stdin>' && !path.includes('node_modules/cbor-x/'),
  );
  if (foreign.length > 0) throw new Error(`${outfile} would hold ${foreign}, whose licenses are not in it`);
}
