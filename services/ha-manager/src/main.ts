import { loadConfig, runService } from '@drover/service-kit';
import { haManagerConfigSchema } from './config.js';
import { haManagerService } from './ha-manager.service.js';

const config = loadConfig(haManagerConfigSchema);
await runService(haManagerService(config), config);
