import {
  orderIdSchema,
  fleetIdSchema,
  generationSchema,
  vmIdSchema,
  type OrderId,
  type FleetId,
  type Generation,
  type VmId,
} from '@drover/contracts';
import { attribute, child, type XmlElement } from './xml.codec.js';

/** Namespace of Drover's element in a domain's `<metadata>`. */
export const MARK_NAMESPACE = 'urn:drover:vm:1';
/** Prefix libvirt writes it with. */
export const MARK_PREFIX = 'drover';

/** Who owns a domain and under which generation; see safety.md 9. */
export interface DomainMark {
  readonly fleetId: FleetId;
  readonly vmId: VmId;
  readonly generation: Generation;
  readonly lastOrderId: OrderId;
}

/** The element without prefix, as `virDomainSetMetadata` wants it. */
export function markElement(mark: DomainMark): XmlElement {
  return {
    vm: {
      '@fleet': mark.fleetId,
      '@id': mark.vmId,
      '@epoch': mark.generation.epoch,
      '@generation': mark.generation.n,
      '@command': mark.lastOrderId,
    },
  };
}

/** The mark of a `<domain>`; undefined where there is none or where it is not one that Drover wrote. */
export function readMark(domain: XmlElement | undefined): DomainMark | undefined {
  const element = child(domain, 'metadata', `${MARK_PREFIX}:vm`);
  const fleetId = fleetIdSchema.safeParse(attribute(element, 'fleet'));
  const vmId = vmIdSchema.safeParse(attribute(element, 'id'));
  const lastOrderId = orderIdSchema.safeParse(attribute(element, 'command'));
  const generation = generationSchema.safeParse({
    epoch: Number(attribute(element, 'epoch')),
    n: Number(attribute(element, 'generation')),
  });
  if (!fleetId.success || !vmId.success || !generation.success || !lastOrderId.success) return undefined;
  return {
    fleetId: fleetId.data,
    vmId: vmId.data,
    generation: generation.data,
    lastOrderId: lastOrderId.data,
  };
}
