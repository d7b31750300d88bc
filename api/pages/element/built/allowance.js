export * from './allowance-V1tB6rAD.js';
