import { describe, expect, it } from '@jest/globals';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

describe('the main job', () => {
  it('creates, stops, starts and deletes a VM, each step an event', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    await bench.command('stop', 'stop', { mode: 'graceful', gracePeriodMs: 1000 });
    await bench.ended('stop');
    await bench.command('start', 'start');
    await bench.ended('start');
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    expect(await bench.types()).toEqual([
      'VmRequested',
      'OperationBegan',
      'VmPlaced',
      'VmDefined',
      'VmStarted',
      'OperationSucceeded',
      'VmStopRequested',
      'OperationBegan',
      'VmStopped',
      'OperationSucceeded',
      'VmStartRequested',
      'OperationBegan',
      'VmStarted',
      'OperationSucceeded',
      'VmDeleteRequested',
      'OperationBegan',
      'OperationSucceeded',
      'VmDeleted',
    ]);
  });

  it('puts the id of an operation on every event that it caused', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    const operationIds = new Set((await bench.events()).map((event) => event.meta.operationId));
    expect(operationIds.size).toBe(1);
    expect(operationIds.has(undefined)).toBe(false);
  });
});
