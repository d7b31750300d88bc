import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

export default defineConfig({
  base: '/graphiql/',
  publicDir: false,
  resolve: {
    alias: [
      { find: /^(monaco-graphql\/esm|\.)\/monaco-editor(\.js)?$/, replacement: here('editor.js') },
      { find: /^prettier\/(parser-babel|plugins\/estree)$/, replacement: here('prettier-json.js') },
    ],
  },
  build: {
    outDir: '..',
    emptyOutDir: false, // the README and this source live there too
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000, // kB: the editor is one piece
    license: { fileName: 'assets/licences.md' },
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { moduleLevelDirective: false },
      output: {
        codeSplitting: {
          groups: [
            { name: 'prettier', test: /node_modules\/prettier/ },
            { name: 'monaco', test: /node_modules\/monaco-/ },
            { name: 'graphql-ws', test: /node_modules\/graphql-ws/ },
          ],
        },
      },
    },
  },
});
