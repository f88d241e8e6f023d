export * from './api-gateway.service.js';
export * from './config.js';
