import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errors } from '@drover/contracts';
import { createMetrics, silentLogger, type Metrics } from '@drover/observability';
import { Controller, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { z } from 'zod';
import { DroverTransportStrategy } from './drover-transport.strategy.js';
import { createMemoryBus } from '../bus/memory-bus.adapter.js';
import { OnMessage, OnRequest } from './message-decorators.js';
import {
  answered,
  rejected,
  type Answer,
  type DeadLetter,
  type IncomingMessage,
  type Messaging,
} from '../bus/messaging.port.js';

const create = z.strictObject({ name: z.string() });
let loads: [string, number][] = [];

@Controller()
class VmController {
  @OnRequest('command.vm.create', create, { group: 'vm' })
  create({ name }: z.infer<typeof create>, message: IncomingMessage): Answer {
    if (name === 'taken') return rejected({ code: 'VM_NAME_TAKEN', detail: 'taken is taken' });
    if (name === 'down') throw errors.STORE_UNAVAILABLE('not-applied', 'no database');
    return answered({ name, id: message.headers.id });
  }

  @OnRequest('query.vm.health', z.unknown())
  async health(): Promise<Answer> {
    return answered('ready');
  }

  @OnMessage('host.*.load', z.strictObject({ cpu: z.number() }), { isForAll: true })
  load({ cpu }: { cpu: number }, message: IncomingMessage): void {
    loads.push([message.subject, cpu]);
    if (cpu < 0) throw new Error('negative');
  }
}

class VmModule {}
Reflect.defineMetadata('controllers', [VmController], VmModule);

describe('the Nest transport', () => {
  let asker: Messaging;
  let strategy: DroverTransportStrategy;
  let app: INestMicroservice;
  let metrics: Metrics;
  let deadLetters: DeadLetter[];

  beforeEach(async () => {
    loads = [];
    metrics = createMetrics();
    deadLetters = [];
    const bus = createMemoryBus();
    const keep = async (letter: DeadLetter) => void deadLetters.push(letter);
    const options = { name: 'vm-manager', logger: silentLogger, metrics, deadLetters: { keep } };
    asker = bus.connect({ ...options, name: 'api-gateway' });
    strategy = new DroverTransportStrategy({ messaging: bus.connect(options), queue: 'vm-manager' });
    app = await NestFactory.createMicroservice<MicroserviceOptions>(VmModule, { strategy, logger: false });
    await app.listen();
  });

  afterEach(() => app.close());

  const ask = (payload: unknown) => asker.request('drover.command.vm.create', payload, { ttlMs: 1000, id: 'm' });

  it('takes commands of a group only while the group is active', async () => {
    await expect(ask({ name: 'a' })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await strategy.activate('vm');
    expect(await ask({ name: 'a' })).toEqual(answered({ name: 'a', id: 'm' }));
    await strategy.deactivate('vm');
    await expect(ask({ name: 'a' })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await strategy.activate('vm');
    expect(await ask({ name: 'b' })).toMatchObject({ kind: 'answered' });
  });

  it('hears what belongs to no group from the start', async () => {
    expect(await asker.request('drover.query.vm.health', null, { ttlMs: 1000 })).toEqual(answered('ready'));
  });

  it('carries rejections and faults through Nest unchanged', async () => {
    await strategy.activate('vm');
    expect(await ask({ name: 'taken' })).toMatchObject({ kind: 'rejected', rejection: { code: 'VM_NAME_TAKEN' } });
    await expect(ask({ name: 'down' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', outcome: 'not-applied' });
  });

  it('keeps what the schema refuses and does not call the handler', async () => {
    await strategy.activate('vm');
    await expect(ask({ name: 'a', extra: 1 })).rejects.toMatchObject({ code: 'UNREADABLE_MESSAGE' });
    expect(deadLetters).toHaveLength(1);
  });

  it('gives messages of any host to a handler with a wildcard and counts those that failed', async () => {
    asker.publish('drover.host.h1.load', { cpu: -1 });
    asker.publish('drover.host.h2.load', { cpu: 2 });
    await asker.flush();
    await app.close();
    expect(loads).toEqual([
      ['drover.host.h1.load', -1],
      ['drover.host.h2.load', 2],
    ]);
    expect(metrics.text()).toContain('drover_message_handler_failures_total{pattern="drover.host.*.load"} 1');
  });

  it('refuses to activate a group that no handler is of', async () => {
    await expect(strategy.activate('volume')).rejects.toThrow('no handler is of the group volume');
  });
});
