import { apiGatewayConfigSchema, apiGatewayService } from '@drover/api-gateway';
import { haManagerConfigSchema, haManagerService } from '@drover/ha-manager';
import { nodeAgentConfigSchema, nodeAgentService } from '@drover/node-agent';
import { schedulerConfigSchema, schedulerService } from '@drover/scheduler';
import { loadConfig, type ServiceDefinition } from '@drover/service-kit';
import { vmManagerConfigSchema, vmManagerService } from '@drover/vm-manager';

/** Every service, in the order in which they start; each reads its own part of the one configuration file. */
const services = {
  'ha-manager': () => haManagerService(loadConfig(haManagerConfigSchema)),
  scheduler: () => schedulerService(loadConfig(schedulerConfigSchema)),
  'vm-manager': () => vmManagerService(loadConfig(vmManagerConfigSchema)),
  'node-agent': () => nodeAgentService(loadConfig(nodeAgentConfigSchema)),
  'api-gateway': () => apiGatewayService(loadConfig(apiGatewayConfigSchema)),
} as const satisfies Record<string, () => ServiceDefinition>;

export type ServiceKey = keyof typeof services;
export const serviceKeys = Object.keys(services) as readonly ServiceKey[];

/** One service, or all of them. */
export function compose(only?: ServiceKey): readonly ServiceDefinition[] {
  return (only === undefined ? serviceKeys : [only]).map((key) => services[key]());
}
