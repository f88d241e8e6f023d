import { loadConfig, runService } from '@drover/service-kit';
import { apiGatewayService } from './api-gateway.service.js';
import { apiGatewayConfigSchema } from './config.js';

const config = loadConfig(apiGatewayConfigSchema);
await runService(apiGatewayService(config), config);
