import {
  errors,
  hostOrderAnswerSchema,
  loosely,
  Rejected,
  type HostOrder,
  type HostOrderAnswer,
  type HostId,
  type HostRequest,
  type SentOrder,
  type HostLook,
  type HostLower,
} from '@drover/contracts';
import type { Messaging, OrderSigner } from '@drover/messaging';
import { inSpan } from '@drover/observability';
import type { HostJournals } from '../../application/host-journals.state.js';
import type { HostOrders, MessageTrace } from '@drover/operations';

/** How long the agent may take to write an order into its journal before another copy is sent. */
const ANSWER_MS = 5_000;

/** Sends to `host.<hostId>.order`, signed for the journal that the host has now; the message id is the order's, so that a repeat is known as one. */
export class MessagingHostOrders implements HostOrders {
  readonly #messaging: Messaging;
  readonly #signer: OrderSigner;
  readonly #journals: Pick<HostJournals, 'current'>;

  constructor(messaging: Messaging, signer: OrderSigner, journals: Pick<HostJournals, 'current'>) {
    this.#messaging = messaging;
    this.#signer = signer;
    this.#journals = journals;
  }

  send(hostId: HostId, order: HostOrder, trace: MessageTrace): Promise<HostOrderAnswer> {
    return this.#order(hostId, order, order.orderId, trace);
  }

  look(hostId: HostId, look: HostLook, trace: MessageTrace): Promise<HostOrderAnswer> {
    return this.#order(hostId, look, undefined, trace);
  }

  lower(hostId: HostId, lower: HostLower, trace: MessageTrace): Promise<HostOrderAnswer> {
    return this.#order(hostId, lower, undefined, trace);
  }

  async #order(
    hostId: HostId,
    order: HostRequest,
    id: string | undefined,
    trace: MessageTrace,
  ): Promise<HostOrderAnswer> {
    const { operationId, causationId, signal, traceparent } = trace;
    const fields = { operationId, hostId, vmId: order.subject.id };
    const signed = this.#signer.sign('order', hostId, this.#addressed(hostId, order));
    const answer = await inSpan(`host order ${order.kind}`, { kind: 'client', traceparent, fields }, () =>
      this.#messaging.request(this.#messaging.subjects.hostOrder(hostId), signed, {
        ttlMs: ANSWER_MS,
        schema: loosely(hostOrderAnswerSchema),
        ...(id === undefined ? {} : { id }),
        operationId,
        causationId,
        signal,
      }),
    );
    if (answer.kind === 'answered') return answer.value;
    const { rejection } = answer;
    throw new Rejected({ ...rejection, detail: `host ${hostId} refuses the order: ${rejection.detail}` });
  }

  #addressed(hostId: HostId, order: HostRequest): SentOrder {
    const journalEpoch = this.#journals.current(hostId);
    if (journalEpoch === undefined) {
      throw errors.SERVICE_UNAVAILABLE('not-applied', `the registration of host ${hostId} has not been read yet`);
    }
    return { journalEpoch, order };
  }
}
