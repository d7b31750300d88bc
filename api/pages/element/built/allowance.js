import './first-CW85tZsU.js';
export * from './allowance-WfApaenB.js';
