import './first-CW85tZsU.js';
export * from './allowance-DxdjGH9-.js';
