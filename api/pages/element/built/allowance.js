export * from './allowance-Fs4lTrEa.js';
