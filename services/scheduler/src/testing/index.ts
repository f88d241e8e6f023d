export * from './placement-given.js';
