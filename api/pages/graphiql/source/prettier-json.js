// Prettier's language of JSON with comments, by way of jsonc-parser. The one that Prettier brings,
// and that stands behind GraphiQL's "Prettify" otherwise, is the whole of Babel: half a megabyte.

import { applyEdits, format } from 'jsonc-parser';

const indent = (text) => applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2 }));

export const parsers = {
  jsonc: {
    astFormat: 'jsonc',
    parse: (text) => ({ text }),
    locStart: () => 0,
    locEnd: ({ text }) => text.length,
  },
};

export const printers = { jsonc: { print: ({ node }) => indent(node.text) } };
