import { describe, expect, it } from '@jest/globals';
import { commandIdSchema, errors, hostIdSchema, type Position } from '@drover/contracts';
import { createMemoryBus } from '@drover/messaging';
import { silentLogger } from '@drover/observability';
import { MessagingFleetCommands } from './messaging-fleet-commands.adapter.js';

const hostId = hostIdSchema.parse('00000000-0000-4000-8000-00000000000a');
const commandId = commandIdSchema.parse('00000000-0000-4000-8000-00000000000b');
const cordon = { commandId, actor: { kind: 'user', id: 'a' }, hostId } as const;

describe('a command', () => {
  const ask = (head: () => Promise<Position>, isTaken = false) => {
    const bus = createMemoryBus();
    const connect = (name: string) =>
      bus.connect({ name, logger: silentLogger, deadLetters: { keep: async () => undefined } });
    const [gateway, service] = [connect('api-gateway'), connect('ha-manager')];
    if (isTaken) service.respond(service.subjects.command('host', 'cordon'), () => new Promise(() => undefined));
    return new MessagingFleetCommands(gateway, { head }, 50).command('host', 'cordon', cordon);
  };
  const away = () => Promise.reject(errors.STORE_UNAVAILABLE('not-applied', 'read the head: down'));
  const silent = () => new Promise<never>(() => undefined);
  const there = async () => '1' as Position;

  it.each([
    ['that no service takes says so while the event store answers', there, false, 'SERVICE_UNAVAILABLE', 'not-applied'],
    ['that no service takes says that the event store is away', away, false, 'STORE_UNAVAILABLE', 'not-applied'],
    ['that no service takes says that the event store is silent', silent, false, 'STORE_UNAVAILABLE', 'not-applied'],
    ['that is not answered says so while the event store answers', there, true, 'TIMED_OUT', 'unknown'],
    [
      'that is not answered says that the event store is away, and may have been taken',
      away,
      true,
      'STORE_UNAVAILABLE',
      'unknown',
    ],
  ] as const)('%s', async (_what, head, isTaken, code, outcome) => {
    await expect(ask(head, isTaken)).rejects.toMatchObject({ code, outcome });
  });
});
