export * from './allowance-Bl1Tsnbh.js';
