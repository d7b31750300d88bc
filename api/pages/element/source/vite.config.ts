import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const ELEMENTS = here('../built');
const PAGE = here('../../consumption');

/** The stable name `allowance.js` leads to the file whose name changes with its content. */
const stableName: Plugin = {
  name: 'stable-name',
  writeBundle(_, bundle) {
    const [file] = Object.keys(bundle).filter((name) => name.startsWith('allowance-'));
    writeFileSync(`${ELEMENTS}/allowance.js`, `export * from './${file}';\n`);
  },
};

/** The page loads the element by the name that may be kept for ever. */
const elementInPage: Plugin = {
  name: 'element-in-page',
  enforce: 'post',
  transformIndexHtml(html) {
    const [file] = readdirSync(ELEMENTS).filter((name) => name.startsWith('allowance-'));
    // After the page's own script, which sets the token's source first.
    return html.replace('</head>', `  <script type="module" crossorigin src="/elements/${file}"></script>\n  </head>`);
  },
};

/** Spaces mean nothing in the queries, and are sent with each. */
const shortQueries: Plugin = {
  name: 'short-queries',
  transform: (code, id) => (id.endsWith('/queries.ts') ? code.replace(/\s+/g, ' ').replace(/ ?([{}:,()]) ?/g, '$1') : null),
};

export default defineConfig(({ mode }) => {
  const page = mode === 'page';
  const outDir = page ? PAGE : ELEMENTS;
  return {
    root: page ? here('page') : here('.'),
    base: '/consumption/',
    publicDir: false,
    oxc: page ? {} : { jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment' }, jsxInject: "import { h, Fragment } from 'preact'" },
    plugins: page ? [elementInPage] : [shortQueries, stableName],
    build: {
      outDir,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
      target: 'es2022',
      cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // they know light-dark()
      license: page ? undefined : { fileName: 'licences.md' },
      ...(page
        ? {}
        : {
            rolldownOptions: {
              input: here('src/element.tsx'),
              preserveEntrySignatures: 'strict' as const,
              output: { entryFileNames: 'allowance-[hash].js' },
            },
          }),
    },
  };
});
