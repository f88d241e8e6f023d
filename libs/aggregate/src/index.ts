export * from './aggregate.js';
export * from './fold-saver.process.js';
export * from './folds.state.js';
export * from './new-events.js';
export * from './streams.js';
