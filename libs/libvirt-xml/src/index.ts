export * from './domain-capabilities.codec.js';
export * from './domain-definition.codec.js';
export * from './domain-description.codec.js';
export * from './domain-names.js';
export * from './host-capabilities.codec.js';
export * from './mark.codec.js';
export * from './storage.codec.js';
export * from './xml.codec.js';
