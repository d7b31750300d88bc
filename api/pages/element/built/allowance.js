export * from './allowance-Cc84c5zU.js';
