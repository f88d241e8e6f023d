import { describe, expect, it } from '@jest/globals';
import { vmSpecSchema } from '@drover/contracts';
import { requireOfferedNetworks } from './offered-networks.policy.js';

const { nics } = vmSpecSchema.parse({ nics: [{ network: 'default' }, { network: 'management' }] });

describe('networks that a host does not offer', () => {
  it('are refused by name, and those that it offers are not', () => {
    expect(() => requireOfferedNetworks(nics, ['management', 'default'])).not.toThrow();
    expect(() => requireOfferedNetworks(nics, ['default'])).toThrow(/no network management, only default/);
    expect(() => requireOfferedNetworks(nics, [])).toThrow(/no network default, none at all/);
    expect(() => requireOfferedNetworks([], [])).not.toThrow();
  });
});
