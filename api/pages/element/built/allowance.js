export * from './allowance-ComnHf3v.js';
