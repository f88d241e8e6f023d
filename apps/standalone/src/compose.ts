import { loadConfig, type ServiceDefinition } from '@drover/service-kit';
import type { ServiceKey } from './infrastructure/service-parts.js';

/** Each reads its own part of the configuration file; loaded only where it runs. */
const services = {
  'ha-manager': async () => {
    const { haManagerConfigSchema, haManagerService } = await import('@drover/ha-manager');
    return haManagerService(loadConfig(haManagerConfigSchema));
  },
  scheduler: async () => {
    const { schedulerConfigSchema, schedulerService } = await import('@drover/scheduler');
    return schedulerService(loadConfig(schedulerConfigSchema));
  },
  'vm-manager': async () => {
    const { vmManagerConfigSchema, vmManagerService } = await import('@drover/vm-manager');
    return vmManagerService(loadConfig(vmManagerConfigSchema));
  },
  'node-agent': async () => {
    const { nodeAgentConfigSchema, nodeAgentService } = await import('@drover/node-agent');
    return nodeAgentService(loadConfig(nodeAgentConfigSchema));
  },
  'credential-keeper': async () => {
    const { credentialKeeperConfigSchema, credentialKeeperService } = await import('./credential-keeper.service.js');
    return credentialKeeperService(loadConfig(credentialKeeperConfigSchema));
  },
  'api-gateway': async () => {
    const { apiGatewayConfigSchema, apiGatewayService } = await import('@drover/api-gateway');
    return apiGatewayService(loadConfig(apiGatewayConfigSchema));
  },
} as const satisfies Record<ServiceKey, () => Promise<ServiceDefinition>>;

export const isService = (name: string): name is ServiceKey => Object.hasOwn(services, name);
export const serviceKeys = Object.keys(services) as readonly ServiceKey[];

/** These services, in the order in which they start. */
export async function compose(names: readonly ServiceKey[]): Promise<readonly ServiceDefinition[]> {
  const definitions: ServiceDefinition[] = [];
  for (const name of names) definitions.push(await services[name]());
  return definitions;
}
