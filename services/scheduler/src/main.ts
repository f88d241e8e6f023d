import { loadConfig, runService } from '@drover/service-kit';
import { schedulerConfigSchema } from './config.js';
import { schedulerService } from './scheduler.service.js';

const config = loadConfig(schedulerConfigSchema);
await runService(schedulerService(config), config);
