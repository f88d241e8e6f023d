import { loadConfig, runService } from '@drover/service-kit';
import { nodeAgentConfigSchema } from './config.js';
import { nodeAgentService } from './node-agent.service.js';

const config = loadConfig(nodeAgentConfigSchema);
await runService(nodeAgentService(config), config);
