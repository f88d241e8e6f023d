export { MemoryJournal } from './adapters/outbound/journal/memory-journal.adapter.js';
export { SqliteJournal } from './adapters/outbound/journal/sqlite-journal.adapter.js';
export { machineIdOf } from './adapters/outbound/machine/machine-id.adapter.js';
export {
  defaultLimits,
  defaultTimings,
  type AgentLimits,
  type AgentSettings,
  type AgentTimings,
  type HostSettings,
} from './application/agent-settings.js';
export type { HostJournal, Journal } from './application/ports/journal.port.js';
export * from './create-node-agent.js';
export { nodeAgentConfigSchema, type NodeAgentConfig } from './config.js';
export { nodeAgentService } from './node-agent.service.js';
