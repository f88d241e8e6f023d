import { loadConfig, runService } from '@drover/service-kit';
import { schedulerConfigSchema } from './config.js';
import { schedulerService } from './scheduler.service.js';

await runService(schedulerService(loadConfig(schedulerConfigSchema)));
