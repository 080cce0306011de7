export default {
  mode: 'production',
  target: 'node',
  entry: './src/program.js',
  externals: { 'deferred-sweep': 'commonjs deferred-sweep' },
  output: { path: `${import.meta.dirname}/out/commonjs`, filename: 'program.cjs' },
};
