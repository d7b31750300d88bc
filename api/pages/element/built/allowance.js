import './first-BTNeE_cg.js';
export * from './allowance-CkD4eysd.js';
