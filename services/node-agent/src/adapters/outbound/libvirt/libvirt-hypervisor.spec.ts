import { describe, expect, it } from '@jest/globals';
import { vmIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { errorCodes, LibvirtError, type LibvirtClient } from '@drover/libvirt-rpc';
import { LibvirtHypervisor } from './libvirt-hypervisor.driver.js';

const vmId = vmIdSchema.parse(derivedId('vm', 'a'));

/** Stands for a client whose connection is cut under every call, after it was sent. */
function cutClient(): { readonly client: LibvirtClient; readonly sent: string[] } {
  const sent: string[] = [];
  const call = (procedure: string): Promise<never> => {
    sent.push(procedure);
    const facts = { code: errorCodes.RPC, origin: 'client', outcome: 'unknown' } as const;
    return Promise.reject(new LibvirtError('the connection was cut', { ...facts, procedure: 'DOMAIN_GET_XML_DESC' }));
  };
  return { client: { call } as unknown as LibvirtClient, sent };
}

describe('libvirt hypervisor', () => {
  it('says that a reset was not done when the connection is cut under the look before it', async () => {
    const { client, sent } = cutClient();
    const driver = new LibvirtHypervisor({
      client,
      accelerator: 'kvm',
      imageFolder: '/images',
      pools: [],
      networks: [],
    });
    await expect(driver.observe(vmId)).rejects.toMatchObject({ code: 'HYPERVISOR_UNAVAILABLE', outcome: 'unknown' });
    await expect(driver.reset(vmId)).rejects.toMatchObject({
      code: 'HYPERVISOR_UNAVAILABLE',
      outcome: 'not-applied',
      message: expect.stringMatching(/^HYPERVISOR_UNAVAILABLE: look at the domain/),
    });
    expect(new Set(sent)).toEqual(new Set(['DOMAIN_GET_XML_DESC']));
  });
});
