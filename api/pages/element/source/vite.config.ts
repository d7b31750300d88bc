import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const ELEMENTS = here('../built');
const PAGE = here('../../consumption');

const built = (name: string) => readdirSync(ELEMENTS).find((file) => new RegExp(`^${name}-.{8}\\.js$`).test(file))!;

/** The stable name `allowance.js` leads to the files whose names change with their content, at once. */
const stableName: Plugin = {
  name: 'stable-name',
  writeBundle() {
    writeFileSync(`${ELEMENTS}/allowance.js`, `import './${built('first')}';\nexport * from './${built('allowance')}';\n`);
  },
};

/** The page loads the element by the names that may be kept for ever, and shares the part that asks for the first figures. */
const elementInPage: Plugin = {
  name: 'element-in-page',
  enforce: 'pre',
  resolveId: (id) => (id.endsWith('/src/first') ? { id: `/elements/${built('first')}`, external: 'absolute' } : null),
  transformIndexHtml: {
    order: 'post',
    handler: (html) =>
      html // without the spaces, which mean nothing here
        .replace(/\s*\n\s*| crossorigin/g, '')
        .replace('<script', `<link rel="modulepreload" href="/elements/${built('first')}"><script`)
        // After the page's own script, which sets the token's source first.
        .replace('</head>', `<script type="module" src="/elements/${built('allowance')}"></script></head>`),
  },
};

/** Views need Preact; the part that asks for the first figures is sent without it. */
const preactInViews: Plugin = {
  name: 'preact-in-views',
  enforce: 'pre',
  transform: (code, id) => (id.endsWith('.tsx') ? `import { h, Fragment } from 'preact';${code}` : null),
};

/** Spaces mean nothing in the queries, and are sent with each. */
const shortQueries: Plugin = {
  name: 'short-queries',
  transform: (code, id) => (/(queries|overview)\.ts$/.test(id) ? code.replace(/\s+/g, ' ').replace(/ ?([{}:,()]) ?/g, '$1') : null),
};

export default defineConfig(({ mode }) => {
  const page = mode === 'page';
  const outDir = page ? PAGE : ELEMENTS;
  return {
    root: page ? here('page') : here('.'),
    base: '/consumption/',
    publicDir: false,
    oxc: page ? {} : { jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment' } },
    plugins: page ? [elementInPage] : [preactInViews, shortQueries, stableName],
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
              input: { allowance: here('src/element.tsx'), first: here('src/first.ts') },
              preserveEntrySignatures: 'strict' as const,
              output: { entryFileNames: '[name]-[hash].js' },
            },
          }),
    },
  };
});
