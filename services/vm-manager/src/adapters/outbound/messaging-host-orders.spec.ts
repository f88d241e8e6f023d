import { describe, expect, it } from '@jest/globals';
import { fleetIdSchema, orderIdSchema, vmSubject, type SentOrder, type Signed } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { answered, createMemoryBus, createOrderKey, OrderSigner } from '@drover/messaging';
import { silentLogger } from '@drover/observability';
import { HostJournals } from '../../application/host-journals.state.js';
import { hostA, vmId } from '../../testing/index.js';
import { MessagingHostOrders } from './messaging-host-orders.adapter.js';

const fleetId = fleetIdSchema.parse(derivedId('fleet', 'spec'));
const orderId = orderIdSchema.parse(derivedId(vmId, 'look'));

function aBench() {
  const bus = createMemoryBus();
  const deadLetters = { keep: () => Promise.reject(new Error('a message was unreadable')) };
  const messaging = bus.connect({ name: 'vm-manager', logger: silentLogger, deadLetters });
  const agent = bus.connect({ name: `host-${hostA}`, logger: silentLogger, deadLetters });
  const sent: SentOrder[] = [];
  agent.respond(agent.subjects.hostOrder(hostA), ({ payload }) => {
    sent.push(JSON.parse((payload as Signed).body) as SentOrder);
    return answered({ kind: 'taken' });
  });
  const journals = new HostJournals();
  const hosts = new MessagingHostOrders(messaging, new OrderSigner(createOrderKey().privateKey, fleetId), journals);
  const trace = {
    operationId: derivedId('operation', 'spec'),
    causationId: orderId,
    signal: new AbortController().signal,
  };
  return { journals, sent, look: () => hosts.look(hostA, { kind: 'look', subject: vmSubject(vmId), orderId }, trace) };
}

describe('an order on its way to a host', () => {
  it('is made for the journal that the host has now', async () => {
    const { journals, look, sent } = aBench();
    journals.registered(hostA, 1);
    await look();
    journals.registered(hostA, 2);
    await look();
    expect(sent.map(({ journalEpoch }) => journalEpoch)).toEqual([1, 2]);
  });

  it('is not sent while the registration of the host has not been read', async () => {
    const { look, sent } = aBench();
    await expect(look()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });
    expect(sent).toEqual([]);
  });
});
