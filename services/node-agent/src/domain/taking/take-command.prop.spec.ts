import { describe, expect, it } from '@jest/globals';
import {
  compareCommandOrders,
  commandIdSchema,
  vmIdSchema,
  type CommandOrder,
  type HostCommand,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import fc from 'fast-check';
import { applyChange, emptyJournal } from '../journal/journal.state.js';
import { decideTaking, isSupersededBy } from './take-command.decider.js';

const vmId = vmIdSchema.parse(derivedId('prop', 'vm'));

const orders: fc.Arbitrary<CommandOrder> = fc.record({
  generation: fc.record({ epoch: fc.integer({ min: 1, max: 2 }), n: fc.integer({ min: 1, max: 3 }) }),
  revision: fc.integer({ min: 0, max: 6 }),
});

/** What an agent may meet, in any order and as often as it likes. */
const incidents = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('command' as const), order: orders, ageMs: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant('table' as const), order: orders }),
    fc.record({ kind: fc.constant('begin' as const) }),
    fc.record({ kind: fc.constant('reconnect' as const) }),
  ),
  { maxLength: 40 },
);

function commandOf(order: CommandOrder): HostCommand {
  const { generation, revision } = order;
  const label = `${generation.epoch}.${generation.n}.${revision}`;
  const commandId = commandIdSchema.parse(derivedId(vmId, label));
  const operationId = commandId as unknown as HostCommand['operationId'];
  return { kind: 'reset', commandId, operationId, vmId, generation, revision, ttlMs: 10 };
}

describe('taking commands, whatever comes in whatever order', () => {
  it('never lets an older command take effect after a newer one was taken or told of, nor one twice', () => {
    fc.assert(
      fc.property(incidents, (list) => {
        const journal = emptyJournal('prop');
        const queue: HostCommand[] = [];
        const begun: HostCommand[] = [];
        let highest: CommandOrder | undefined;
        let isTableKnown = false;
        const see = (order: CommandOrder): void => {
          if (highest === undefined || compareCommandOrders(order, highest) > 0) highest = order;
        };
        for (const incident of list) {
          switch (incident.kind) {
            case 'reconnect':
              isTableKnown = false;
              break;
            case 'table':
              applyChange(journal, { kind: 'raised', vmId, order: incident.order });
              see(incident.order);
              isTableKnown = true;
              break;
            case 'command': {
              const command = commandOf(incident.order);
              const isUnderWay = journal.commands.has(command.commandId);
              const state = { isTableKnown, newest: journal.newest.get(vmId), isUnderWay };
              if (!decideTaking(state, command, incident.ageMs).isNew) break;
              expect(isTableKnown).toBe(true);
              applyChange(journal, { kind: 'taken', command });
              see(incident.order);
              queue.push(command);
              break;
            }
            case 'begin': {
              const command = queue.shift();
              if (command === undefined) break;
              const newest = journal.newest.get(vmId);
              if (newest !== undefined && !isSupersededBy(command, newest)) {
                expect(highest !== undefined && compareCommandOrders(command, highest)).toBe(0);
                begun.push(command);
              }
              applyChange(journal, { kind: 'ended', commandId: command.commandId });
              break;
            }
          }
        }
        for (const [index, command] of begun.entries()) {
          const before = begun[index - 1];
          if (before !== undefined) expect(compareCommandOrders(before, command)).toBeLessThan(0);
        }
      }),
      { seed: 20_260_101, numRuns: 500 },
    );
  });
});
