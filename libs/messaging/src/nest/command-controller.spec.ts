import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hostKind, hostVerbNames, hostVerbs, type HostCommand } from '@drover/contracts';
import { createMetrics, silentLogger } from '@drover/observability';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { createMemoryBus } from '../bus/memory-bus.adapter.js';
import { answered, type Messaging } from '../bus/messaging.port.js';
import { commandController } from './command-controller.js';
import { DroverTransportStrategy } from './drover-transport.strategy.js';
import { ACTIVE_GROUP } from './message-decorators.js';

class HostModule {}

describe('the controller of the commands of a kind', () => {
  let asker: Messaging;
  let strategy: DroverTransportStrategy;
  let app: INestMicroservice;
  let taken: HostCommand[];

  beforeEach(async () => {
    taken = [];
    const controller = commandController(hostKind, async (command) => {
      taken.push(command);
      return answered(command.kind);
    });
    Reflect.defineMetadata('controllers', [controller], HostModule);
    const bus = createMemoryBus();
    const deadLetters = { keep: async () => undefined };
    const options = { name: 'ha-manager', logger: silentLogger, metrics: createMetrics(), deadLetters };
    asker = bus.connect({ ...options, name: 'api-gateway' });
    strategy = new DroverTransportStrategy({ messaging: bus.connect(options), queue: 'ha-manager' });
    app = await NestFactory.createMicroservice<MicroserviceOptions>(HostModule, { strategy, logger: false });
    await app.listen();
  });

  afterEach(() => app.close());

  const ask = (kind: keyof typeof hostVerbs, more: object = {}) => {
    const command = {
      ...hostVerbs[kind].request.parse(hostVerbs[kind].example),
      commandId: '00000007-0000-7000-8000-000000000001',
      actor: { kind: 'user', id: 'a-user' },
      hostId: '00000001-0000-7000-8000-000000000001',
      ...more,
    };
    return asker.request(asker.subjects.command('host', kind), command, { ttlMs: 1000 });
  };

  it.each(hostVerbNames)('answers %s while the replica is the active one, and not before', async (verb) => {
    await expect(ask(verb)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await strategy.activate(ACTIVE_GROUP);
    expect(await ask(verb)).toEqual(answered(verb));
    expect(taken).toEqual([expect.objectContaining({ kind: verb })]);
  });

  it.each(hostVerbNames)('reads %s by the schema of its own', async (verb) => {
    await strategy.activate(ACTIVE_GROUP);
    await expect(ask(verb, { more: 1 })).rejects.toMatchObject({ code: 'UNREADABLE_MESSAGE' });
    await expect(ask(verb, { kind: 'another' })).rejects.toMatchObject({ code: 'UNREADABLE_MESSAGE' });
    expect(taken).toEqual([]);
  });
});
