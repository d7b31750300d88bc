export * from './allowance-MPavS9Jz.js';
