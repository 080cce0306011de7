export default {
  mode: 'production',
  target: 'node',
  entry: './src/program.js',
  externalsType: 'module',
  externals: [/^deferred-sweep/],
  experiments: { outputModule: true },
  output: { path: `${import.meta.dirname}/out/webpack`, filename: 'program.js', module: true },
};
