import { createHash } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { systemClock, type Clock } from '@drover/domain-kit';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { silentLogger, type Logger } from '@drover/observability';
import { createHealth } from '@drover/service-kit';
import { createHttpServer } from '../adapters/inbound/http/http-server.js';
import { OpenStreams } from '../adapters/inbound/http/open-streams.js';
import { ProblemFilter } from '../adapters/inbound/http/problem.filter.js';
import { Tokens } from '../adapters/inbound/http/tokens.js';
import { ApiGatewayModule } from '../api-gateway.module.js';
import { OperationEnds } from '../application/operation-ends.js';
import { ProgressBoard } from '../application/progress-board.js';
import { FakeFleetCommands } from './fake-fleet-commands.js';
import { FleetStory } from './fleet-story.js';
import { MemoryFleetReads } from './memory-fleet-reads.js';

export const SPEC_TOKEN = 'a-token-of-the-specs';
/** Of one who may only read VMs. */
export const READER_TOKEN = 'a-token-that-only-reads';

export interface MemoryGateway {
  readonly app: NestFastifyApplication;
  readonly store: EventStore;
  readonly story: FleetStory;
  readonly commands: FakeFleetCommands;
  /** Asks without a socket, as the administrator. */
  ask(request: InjectOptions): ReturnType<NestFastifyApplication['inject']>;
  stop(): Promise<void>;
}

/** The whole HTTP side on memory alone. */
export async function createMemoryGateway(
  logger: Logger = silentLogger,
  clock: Clock = systemClock,
): Promise<MemoryGateway> {
  const store = createMemoryEventStore({ clock });
  const health = createHealth('api-gateway');
  health.addCheck('spec', () => ({ isOk: true, detail: 'a detail of the spec' }));
  const commands = new FakeFleetCommands();
  const streams = new OpenStreams();
  const filter = new ProblemFilter(logger);
  const sha256 = createHash('sha256').update(SPEC_TOKEN).digest('hex');
  const app = await createHttpServer({
    module: ApiGatewayModule.of({
      store,
      commands,
      reads: new MemoryFleetReads(store),
      position: {
        waitFor: () => Promise.resolve('reached'),
        catchUp: () => Promise.resolve('reached'),
        head: () => store.head(),
      },
      models: {
        list: () => [],
        rebuild: (model) => ({ model, state: 'RUNNING', projected: 0, total: 0 }),
      },
      ends: new OperationEnds(),
      progress: new ProgressBoard(),
      streams,
      health,
      logger,
      clock,
      positionWaitMs: 0,
    }),
    filter,
    tokens: new Tokens([
      { principal: 'admin', sha256, permissions: ['*'] },
      {
        principal: 'reader',
        sha256: createHash('sha256').update(READER_TOKEN).digest('hex'),
        permissions: ['vms:read'],
      },
    ]),
    logger,
    clock,
    version: '0.0.0',
  });
  await app.getHttpAdapter().getInstance().ready();
  return {
    app,
    store,
    story: new FleetStory(store),
    commands,
    ask: (request) =>
      app.inject({ ...request, headers: { authorization: `Bearer ${SPEC_TOKEN}`, ...request.headers } }),
    async stop() {
      streams.endAll();
      await app.close();
      await store.close();
    },
  };
}
