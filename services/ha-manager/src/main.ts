import { loadConfig, runService } from '@drover/service-kit';
import { haManagerConfigSchema } from './config.js';
import { haManagerService } from './ha-manager.service.js';

await runService(haManagerService(loadConfig(haManagerConfigSchema)));
