import { describe, expect, it } from '@jest/globals';
import { homeAt } from './home.js';
import { serviceCommand, serviceParts, settingsFor, userOf } from './service-parts.js';

const users = { drover: { uid: 998, gid: 997 }, postgres: { uid: 996, gid: 995 } };
const agentOf = (parts: ReturnType<typeof serviceParts>) => {
  const agent = parts.find(({ services }) => services.includes('node-agent'));
  if (agent === undefined) throw new Error('there is no agent');
  return agent;
};

describe.each([true, false])('the parts of a fleet, split: %j', (split) => {
  const parts = serviceParts(split);

  it('hold each service once, and the agents in a process of their own', () => {
    const services = parts.flatMap((part) => part.services);
    expect([...services].sort()).toEqual([
      'api-gateway',
      'credential-keeper',
      'ha-manager',
      'node-agent',
      'scheduler',
      'vm-manager',
    ]);
    expect(agentOf(parts).services).toEqual(['node-agent']);
  });

  it('run as the user drover, but for the agent of a real host', () => {
    for (const part of parts) expect(userOf(part, { users, hypervisor: 'simulated' })).toEqual(users.drover);
    const roots = parts.filter((part) => userOf(part, { users, hypervisor: 'libvirt' }) === undefined);
    expect(roots).toEqual([agentOf(parts)]);
    for (const part of parts) expect(userOf(part, { users: {}, hypervisor: 'simulated' })).toBeUndefined();
  });

  it('get settings of their own from the environment, and no secret', () => {
    const environment = {
      ...{ DROVER_TOKEN: 'hidden', DROVER_HOME: '/h', DROVER_CONFIG: '/c', DATABASE_URL: 'hidden', AWS_KEY: 'hidden' },
      ...{ DROVER_OVERCOMMIT_MEMORY_RATIO: '2', DROVER_DATABASE_URL_FILES_SCHEDULER: '/x', DROVER_API_PORT: '1' },
    };
    for (const part of parts) {
      const { DROVER_OVERCOMMIT_MEMORY_RATIO, ...others } = settingsFor(part, environment);
      expect(DROVER_OVERCOMMIT_MEMORY_RATIO).toBe('2');
      const foreign = { DROVER_DATABASE_URL_FILES_SCHEDULER: '/x', DROVER_API_PORT: '1' };
      expect(others).toEqual(part === agentOf(parts) ? {} : foreign);
      const command = serviceCommand(part, {
        ...{ home: homeAt('/h'), users, hypervisor: 'libvirt', programFolder: '/p', logFile: '/h/logs/x', environment },
      });
      expect(JSON.stringify(command.env)).not.toContain('hidden');
      expect(command.env?.['DROVER_CONFIG']).toBe(part === agentOf(parts) ? '/h/node-agent.yaml' : '/h/drover.yaml');
    }
  });
});
