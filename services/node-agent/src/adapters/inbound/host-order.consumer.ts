import {
  errors,
  sentOrderSchema,
  type FleetId,
  type HostOrderAnswer,
  type HostId,
  type Rejection,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { answered, rejected, type Messaging, type MessagingSubscription, type OrderCheck } from '@drover/messaging';
import type { Logger } from '@drover/observability';
import type { Lower } from '../../application/lower.handler.js';
import type { Look } from '../../application/look.handler.js';
import type { TakeOrder } from '../../application/take-order.handler.js';

export interface HostRequestHandlers {
  readonly takeOrder: TakeOrder;
  readonly look: Look;
  readonly lower: Lower;
}

/**
 * Answers the orders and questions on the host's own subject.
 *
 * What vm-manager has not signed for this host is refused, and nothing of it is read; what it has signed for another journal of this
 * host is none of this one's. An order is read strictly, because a field that is not known here may change what is to be done. One that cannot be read is refused
 * by an answer, so that its sender ends it instead of sending it again.
 */
export function consumeHostOrders(
  messaging: Messaging,
  hostId: HostId,
  journal: () => { readonly fleetId: FleetId; readonly journalEpoch: number | undefined },
  check: OrderCheck,
  { takeOrder, look, lower }: HostRequestHandlers,
  clock: Clock,
  logger: Logger,
): MessagingSubscription {
  return messaging.respond(messaging.subjects.hostOrder(hostId), async ({ payload }) => {
    const receivedAtMs = clock.monotonicMs();
    const { fleetId, journalEpoch } = journal();
    const signed = check.open(payload, { purpose: 'order', fleetId, hostId });
    if (signed === undefined) return rejected(notSigned(hostId));
    const read = sentOrderSchema.safeParse(signed.content);
    if (!read.success) {
      const refusal = refused(read.error.issues);
      logger.warn('an order cannot be read by this release and is refused', { detail: refusal.detail });
      return answered(refusal);
    }
    const { order } = read.data;
    if (read.data.journalEpoch !== journalEpoch) return answered<HostOrderAnswer>({ kind: 'other-journal' });
    if (order.kind === 'look') return answered(await look.take(order));
    if (order.kind === 'lower') return answered(await lower.take(order));
    return answered(await takeOrder.take(order, receivedAtMs));
  });
}

function notSigned(hostId: HostId): Rejection {
  return errors.SIGNATURE_INVALID(`none of the keys that host ${hostId} knows has signed this order; nothing was done`);
}

function refused(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]) {
  const problems = issues.slice(0, 10).map(({ path, message }) => `/${path.map(String).join('/')}: ${message}`);
  const detail = `this agent cannot read the order; update it: ${problems.join('; ')}`.slice(0, 2000);
  return { kind: 'refused', code: 'PROTOCOL_UNSUPPORTED', detail } satisfies HostOrderAnswer;
}
