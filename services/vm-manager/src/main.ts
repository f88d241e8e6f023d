import { loadConfig, runService } from '@drover/service-kit';
import { vmManagerConfigSchema } from './config.js';
import { vmManagerService } from './vm-manager.service.js';

await runService(vmManagerService(loadConfig(vmManagerConfigSchema)));
