export * from './allowance-DfE_prb3.js';
