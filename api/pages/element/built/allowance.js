import './first-BTNeE_cg.js';
export * from './allowance-md0YDX-x.js';
