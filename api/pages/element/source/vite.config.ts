import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const ELEMENTS = here('../built');
const PAGE = here('../../consumption');

const built = (name: string) => readdirSync(ELEMENTS).find((file) => new RegExp(`^${name}-.{8}\\.js$`).test(file))!;

/** The stable name `allowance.js` leads to the file whose name changes with its content. */
const stableName: Plugin = {
  name: 'stable-name',
  writeBundle() {
    writeFileSync(`${ELEMENTS}/allowance.js`, `export * from './${built('allowance')}';\n`);
  },
};

/**
 * The page is one file: its script, which asks for the first figures, and its style come with it. The element and its
 * words are loaded beside, by the names that may be kept for ever.
 */
const wholePage: Plugin = {
  name: 'whole-page',
  enforce: 'post',
  generateBundle(_, bundle) {
    const page = bundle['index.html']!;
    if (page.type !== 'asset') throw new Error('The page is no asset.');
    let html = String(page.source)
      .replace(/\s*\n\s*| crossorigin| (?=\/>)/g, '') // spaces mean nothing here
      .replace('</head>', `<script type="module" src="/elements/${built('allowance')}"></script></head>`);
    for (const [name, file] of Object.entries(bundle)) {
      const [tag, text] =
        file.type === 'chunk'
          ? [`<script type="module" src="/consumption/${name}"></script>`, `<script type="module">${file.code.trim()}</script>`]
          : [`<link rel="stylesheet" href="/consumption/${name}">`, `<style>${String(file.source).trim()}</style>`];
      if (file === page) continue;
      if (!html.includes(tag)) throw new Error(`The page does not name ${name}.`);
      html = html.replace(tag, () => text);
      delete bundle[name];
    }
    page.source = html;
  },
};

/** Views need Preact; the part that asks for the first figures is sent without it. */
const preactInViews: Plugin = {
  name: 'preact-in-views',
  enforce: 'pre',
  transform: (code, id) => (id.endsWith('.tsx') ? `import { h, Fragment } from 'preact';${code}` : null),
};

/** The names of texts are for those who read the source. They are sent as short as they can be. */
const shortTexts: Plugin = {
  name: 'short-texts',
  enforce: 'pre',
  transform(code, id) {
    const list = /(?<=^export const (?:en|fr)\b.*\n)(?:.*\n)*?(?=\};)/m;
    const key = /^  (\w+)(?=:)/gm;
    const names = list.exec(readFileSync(here('src/texts/en.ts'), 'utf8'))![0].matchAll(key);
    const short = new Map([...names].map(([, name], place) => [name!, `t${place.toString(36)}`]));
    const shorten = (name: string) => short.get(name) ?? this.error(`There is no text ${name}.`);
    return /texts\/..\.ts$/.test(id)
      ? code.replace(list, (lines) => lines.replace(key, (_, name) => `  ${shorten(name)}`))
      : code.replace(/\btext(\??\.)(\w+)/g, (_, dot, name) => `text${dot}${shorten(name)}`);
  },
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
    define: page ? { WORDS: JSON.stringify({ en: `/elements/${built('en')}`, fr: `/elements/${built('fr')}` }) } : {},
    plugins: page ? [shortQueries, wholePage] : [shortTexts, preactInViews, shortQueries, stableName],
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
              input: { allowance: here('src/element.tsx'), en: here('src/texts/en.ts'), fr: here('src/texts/fr.ts') },
              preserveEntrySignatures: 'strict' as const,
              output: { entryFileNames: '[name]-[hash].js', chunkFileNames: '[name]-[hash].js' },
            },
          }),
    },
  };
});
