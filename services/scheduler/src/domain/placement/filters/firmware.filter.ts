import type { HostFilter } from './host.filter.js';

/** What the hypervisor of the host has to boot a VM with, and whether it can give a TPM. */
export const firmwareFilter: HostFilter = {
  name: 'firmware',
  admits: ({ host: { inventory } }, { demand }) =>
    inventory.offers === undefined ||
    (inventory.offers.firmware.includes(demand.firmware) &&
      (demand.tpmVersion === undefined || inventory.offers.tpmVersions.includes(demand.tpmVersion))),
  explain: ({ host: { inventory } }, { demand }) => {
    const { firmware = [], tpmVersions = [] } = inventory.offers ?? {};
    return {
      detail: firmware.includes(demand.firmware)
        ? `the VM asks for a TPM ${demand.tpmVersion}, the host offers ${tpmVersions.join(', ') || 'none'}`
        : `the VM asks for firmware ${demand.firmware}, the host offers ${firmware.join(', ')}`,
      numbers: {},
    };
  },
};
