import './first-BTNeE_cg.js';
export * from './allowance-aMaRu71T.js';
