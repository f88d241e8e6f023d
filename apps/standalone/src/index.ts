export * from './infrastructure/index.js';
