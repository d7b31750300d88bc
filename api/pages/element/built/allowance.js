export * from './allowance-CJT7uAFn.js';
