import { loadConfig, runService } from '@drover/service-kit';
import { nodeAgentConfigSchema } from './config.js';
import { nodeAgentService } from './node-agent.service.js';

await runService(nodeAgentService(loadConfig(nodeAgentConfigSchema)));
