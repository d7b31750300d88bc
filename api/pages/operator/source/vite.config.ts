import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Spaces mean nothing in the queries, and are sent with each. */
const shortQueries: Plugin = {
  name: 'short-queries',
  transform: (code, id) => (id.endsWith('/queries.ts') ? code.replace(/\s+/g, ' ').replace(/ ?([{}:,()]) ?/g, '$1') : null),
};

export default defineConfig({
  root: here('.'),
  base: '/operator/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [shortQueries],
  build: {
    outDir: here('../built'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // they know light-dark()
    license: { fileName: 'licences.md' },
  },
});
