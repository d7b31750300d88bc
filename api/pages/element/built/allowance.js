export * from './allowance-BACNs7xw.js';
