// What Monaco runs beside the page. Its worker for JSON is its general one with a language added,
// so that two files serve for three.

import GraphQLWorker from 'monaco-graphql/esm/graphql.worker.js?worker';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker';

globalThis.MonacoEnvironment = {
  getWorker: (_, label) => (label === 'graphql' ? new GraphQLWorker() : new JsonWorker()),
};
