export default {
  build: { ssr: 'src/program.js', outDir: 'out/vite' },
  ssr: { external: ['deferred-sweep'] },
};
