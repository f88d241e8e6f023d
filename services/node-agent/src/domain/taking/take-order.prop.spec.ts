import { describe, expect, it } from '@jest/globals';
import {
  compareOrderRanks,
  orderIdSchema,
  subjectKey,
  vmIdSchema,
  vmSubject,
  type HostOrder,
  type OrderRank,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import fc from 'fast-check';
import { applyChange, emptyJournal } from '../journal/journal.state.js';
import { decideTaking, isSupersededBy } from './take-order.decider.js';

const subject = vmSubject(vmIdSchema.parse(derivedId('prop', 'vm')));

const ranks: fc.Arbitrary<OrderRank> = fc.record({
  generation: fc.record({ epoch: fc.integer({ min: 1, max: 2 }), n: fc.integer({ min: 1, max: 3 }) }),
  revision: fc.integer({ min: 0, max: 6 }),
});

/** What an agent may meet, in any order and as often as it likes. */
const incidents = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('order' as const), rank: ranks, ageMs: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant('table' as const), rank: ranks }),
    fc.record({ kind: fc.constant('begin' as const) }),
    fc.record({ kind: fc.constant('reconnect' as const) }),
  ),
  { maxLength: 40 },
);

function orderOf(rank: OrderRank): HostOrder {
  const { generation, revision } = rank;
  const label = `${generation.epoch}.${generation.n}.${revision}`;
  const orderId = orderIdSchema.parse(derivedId(subject.id, label));
  const operationId = orderId as unknown as HostOrder['operationId'];
  return { kind: 'reset', orderId, operationId, subject, generation, revision, ttlMs: 10 };
}

describe('taking orders, whatever comes in whatever order', () => {
  it('never lets an older order take effect after a newer one was taken or told of, nor one twice', () => {
    fc.assert(
      fc.property(incidents, (list) => {
        const journal = emptyJournal('prop');
        const queue: HostOrder[] = [];
        const begun: HostOrder[] = [];
        let highest: OrderRank | undefined;
        let isTableKnown = false;
        const see = (rank: OrderRank): void => {
          if (highest === undefined || compareOrderRanks(rank, highest) > 0) highest = rank;
        };
        for (const incident of list) {
          switch (incident.kind) {
            case 'reconnect':
              isTableKnown = false;
              break;
            case 'table':
              applyChange(journal, { kind: 'raised', subject, rank: incident.rank });
              see(incident.rank);
              isTableKnown = true;
              break;
            case 'order': {
              const order = orderOf(incident.rank);
              const isUnderWay = journal.orders.has(order.orderId);
              const state = { isTableKnown, newest: journal.newest.get(subjectKey(subject)), isUnderWay };
              if (!decideTaking(state, order, incident.ageMs).isNew) break;
              expect(isTableKnown).toBe(true);
              applyChange(journal, { kind: 'taken', order });
              see(incident.rank);
              queue.push(order);
              break;
            }
            case 'begin': {
              const order = queue.shift();
              if (order === undefined) break;
              const newest = journal.newest.get(subjectKey(subject));
              if (newest !== undefined && !isSupersededBy(order, newest)) {
                expect(highest !== undefined && compareOrderRanks(order, highest)).toBe(0);
                begun.push(order);
              }
              applyChange(journal, { kind: 'ended', orderId: order.orderId });
              break;
            }
          }
        }
        for (const [index, order] of begun.entries()) {
          const before = begun[index - 1];
          if (before !== undefined) expect(compareOrderRanks(before, order)).toBeLessThan(0);
        }
      }),
      { seed: 20_260_101, numRuns: 500 },
    );
  });
});
