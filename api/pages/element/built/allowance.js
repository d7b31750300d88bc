export * from './allowance-CqO8ErrU.js';
