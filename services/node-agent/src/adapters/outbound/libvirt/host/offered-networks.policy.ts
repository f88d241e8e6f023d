import { Rejected, errors, type VmSpec } from '@drover/contracts';

/**
 * Refuses a NIC in a network that the host does not offer. Libvirt may have others, for the management of the machine, say:
 * leave to create VMs is no leave to put guests into them.
 */
export function requireOfferedNetworks(nics: VmSpec['nics'], offered: readonly string[]): void {
  const index = nics.findIndex(({ network }) => !offered.includes(network));
  const nic = nics[index];
  if (nic === undefined) return;
  const only = offered.length === 0 ? 'none at all' : `only ${offered.join(', ')}`;
  const detail = `the host offers no network ${nic.network}, ${only}`.slice(0, 500);
  const data = { field: `/spec/nics/${index}/network`, network: nic.network };
  throw new Rejected(errors.NETWORK_NOT_FOUND(detail, { data }));
}
