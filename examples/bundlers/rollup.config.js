export default {
  input: 'src/program.js',
  output: { dir: 'out/rollup', format: 'es' },
  external: [/^deferred-sweep/, /^node:/],
};
