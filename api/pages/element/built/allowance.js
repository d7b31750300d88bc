export * from './allowance-BYTV9gFv.js';
