export { currentFields, keepContext, withContext, type ContextFields } from './context.js';
export * from './logger.js';
export { metricCatalogue, type CounterName, type LabelsOf, type MetricName } from './metric-catalogue.js';
export * from './metrics.js';
export * from './outage.js';
export { redact } from './redaction.js';
export * from './tracing.js';
