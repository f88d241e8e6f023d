import { loadConfig, runService } from '@drover/service-kit';
import { apiGatewayService } from './api-gateway.service.js';
import { apiGatewayConfigSchema } from './config.js';

await runService(apiGatewayService(loadConfig(apiGatewayConfigSchema)));
