import { loadConfig, runService } from '@drover/service-kit';
import { vmManagerConfigSchema } from './config.js';
import { vmManagerService } from './vm-manager.service.js';

const config = loadConfig(vmManagerConfigSchema);
await runService(vmManagerService(config), config);
