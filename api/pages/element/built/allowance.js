import './first-BTNeE_cg.js';
export * from './allowance-BOOtt3cj.js';
