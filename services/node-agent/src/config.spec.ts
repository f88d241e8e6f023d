import { describe, expect, it } from '@jest/globals';
import { hostIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { nodeAgentConfigSchema } from './config.js';
import { openHostDrivers } from './hypervisor-of-host.js';

const id = hostIdSchema.parse(derivedId('spec', 'host'));
const configured = (sections: object) =>
  nodeAgentConfigSchema.safeParse({
    home: '/nowhere',
    nats: { url: 'nats://nowhere' },
    hypervisor: { kind: 'simulated', imageFolder: '/nowhere', poolFolder: '/nowhere' },
    orders: { publicKeysFile: '/nowhere' },
    hosts: [{ id, name: 'sim-001', journalFolder: '/nowhere' }],
    ...sections,
  });
const faults = (...rules: object[]) => configured({ simulated: { faults: rules } });

describe('the configuration of node agents', () => {
  it.each([
    [{ call: 'explode', code: 'HYPERVISOR_FAILED' }, 'call'],
    [{ call: 'start', code: 'EXPLODED' }, 'code'],
    [{ call: 'start', code: 'HYPERVISOR_FAILED', times: 0 }, 'times'],
    [{ call: 'start', code: 'HYPERVISOR_FAILED', probability: 1.5 }, 'probability'],
    [{ call: 'start', code: 'HYPERVISOR_FAILED', vmId: 'web-1' }, 'vmId'],
  ])('refuses the fault %j by its field %s', (rule, field) => {
    expect(faults(rule).error?.issues.map(({ path }) => path)).toEqual([['simulated', 'faults', 0, field]]);
  });

  it('refuses a fault of a host that is not here', async () => {
    const config = faults({ call: '*', code: 'HYPERVISOR_FAILED', host: 'sim-002' }).data;
    if (config === undefined) throw new Error('it is not usable at all');
    await expect(openHostDrivers(config)).rejects.toThrow(/names the host sim-002.*the hosts are sim-001/);
  });

  it.each([[{ memoryRatio: 0 }], [{ cpuRatio: 101 }], [{ memoryOvercommitRatio: 2 }]])(
    'refuses the overcommit %j',
    (overcommit) => expect(configured({ overcommit }).success).toBe(false),
  );
});
