import { createMemoryBus } from './memory-bus.adapter.js';
import { describeMessaging } from './messaging.contract.js';

describeMessaging('messaging in memory', async () => {
  const bus = createMemoryBus();
  return {
    connect: async (_name, options) => bus.connect(options),
    cut: async () => bus.cut(),
    heal: async () => bus.heal(),
    stop: async () => undefined,
  };
});
