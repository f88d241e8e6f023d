export { currentFields, withContext, type ContextFields } from './context.js';
export * from './logger.js';
export * from './metrics.js';
export { redact } from './redaction.js';
export * from './tracing.js';
