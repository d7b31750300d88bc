import './first-CW85tZsU.js';
export * from './allowance-Dv0LjnCc.js';
