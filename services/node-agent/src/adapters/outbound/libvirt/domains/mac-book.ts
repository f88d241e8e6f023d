import { Rejected, errors, type VmId, type VmSpec } from '@drover/contracts';
import type { DomainDescription } from '@drover/libvirt-xml';

/**
 * Which domain of this host has which MAC address, ours and others', as last seen: two with one address on one network take each
 * other's traffic. Networks are a host's own, so no other host has to be asked.
 */
export class MacBook {
  readonly #nics = new Map<string, readonly string[]>();

  /** What a domain has now. */
  note({ uuid, nics }: Pick<DomainDescription, 'uuid' | 'nics'>): void {
    const keys = nics.map(({ network, mac }) => keyOf(network, mac));
    if (keys.length === 0) this.#nics.delete(uuid);
    else this.#nics.set(uuid, keys);
  }

  forget(uuid: string): void {
    this.#nics.delete(uuid);
  }

  /** Before a full look, which notes what is there. */
  forgetAll(): void {
    this.#nics.clear();
  }

  /** Takes the addresses that a VM asks for; refuses where another domain has one of them. */
  take(vmId: VmId, nics: VmSpec['nics']): void {
    const wanted = nics.flatMap(({ network, mac }) => (mac === undefined ? [] : [keyOf(network, mac)]));
    for (const [uuid, keys] of this.#nics) {
      const found = uuid === vmId ? undefined : wanted.find((key) => keys.includes(key));
      if (found === undefined) continue;
      const index = nics.findIndex(({ network, mac }) => mac !== undefined && keyOf(network, mac) === found);
      const mac = nics[index]?.mac;
      throw new Rejected(
        errors.INVALID_DEFINITION(`domain ${uuid} has this MAC address on this network`, {
          data: { field: `/spec/nics/${index}/mac`, holder: uuid, ...(mac === undefined ? {} : { mac }) },
        }),
      );
    }
    if (wanted.length > 0) this.#nics.set(vmId, [...(this.#nics.get(vmId) ?? []), ...wanted]);
  }
}

function keyOf(network: string, mac: string): string {
  return `${mac.toLowerCase()} ${network}`;
}
