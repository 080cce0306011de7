/** Bundles with a configuration: node run-webpack.js FILE */
import webpack from 'webpack';

const { default: config } = await import(new URL(process.argv[2], import.meta.url));
webpack(config, (error, stats) => {
  if (error === null && !stats.hasErrors()) return;
  console.error(error ?? stats.toString());
  process.exitCode = 1;
});
