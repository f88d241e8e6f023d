import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { createMemoryEventStore } from '@drover/event-store';
import { FakeFleetCommands } from '../testing/fake-fleet-commands.js';
import { began, FleetStory, vmIdOf } from '../testing/fleet-story.js';
import { MemoryFleetReads } from '../testing/memory-fleet-reads.js';
import { commandIdOf, operationIdAfter, type Caller } from './caller.js';
import { FindResource } from './find-resource.handler.js';
import { VMS } from './ports/fleet-reads.port.js';
import type { ResourceKey, ResourceReads } from './ports/resource-reads.port.js';
import { OperationEnds } from './operation-ends.js';
import { ProgressBoard } from './progress-board.js';
import { WriteVm } from './write-vm.handler.js';

/** A read model that shows more right before it is asked for a VM. */
class MovingReads extends MemoryFleetReads {
  move: () => Promise<unknown> = () => Promise.resolve();

  override of<Shown, Query>(key: ResourceKey<Shown, Query>): ResourceReads<Shown, Query> {
    const reads = super.of(key);
    return {
      ...reads,
      named: async (name, project) => {
        if (key.name === VMS.name) await this.move();
        return reads.named(name, project);
      },
    };
  }
}

describe('a repeat under the same Idempotency-Key', () => {
  it('leaves the next bearer of the name alone that the read model comes to show while the repeat is looked at', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const reads = new MovingReads(store);
    const commands = new FakeFleetCommands();
    const position = {
      waitFor: () => Promise.resolve('reached' as const),
      catchUp: () => Promise.resolve('reached' as const),
      head: () => store.head(),
    };
    const write = new WriteVm({
      commands,
      find: new FindResource(reads, position),
      reads,
      position,
      ends: new OperationEnds(),
      progress: new ProgressBoard(),
      clock: systemClock,
    });
    const caller: Caller = { principal: 'ada', requestId: 'r', sourceIp: '127.0.0.1', idempotencyKey: 'k' };
    const operationId = operationIdAfter(commandIdOf(caller, ['vm.delete', DEFAULT_PROJECT, 'a'], systemClock));
    const first = await story.requested('a');
    reads.move = async () => {
      reads.move = () => Promise.resolve();
      await story.onVm(first, { type: 'VmDeleteRequested', data: {} }, began(operationId, 'vm.delete'));
      await story.onVm(first, { type: 'OperationSucceeded', data: { operationId } }, { type: 'VmDeleted', data: {} });
      await story.requested('a', { vmId: vmIdOf('another a') });
    };
    const { body } = await write.act(caller, { project: DEFAULT_PROJECT, ref: 'a' }, { kind: 'delete' }, 0);
    expect(body).toMatchObject({ operation: { id: operationId }, vm: { id: first, name: 'a' } });
    expect(commands.sent).toEqual([]);
  });
});
