import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Clock } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Logger } from '@drover/observability';
import { Readiness, type Health } from '@drover/service-kit';
import { AccessGuard } from './adapters/inbound/http/access.guard.js';
import { OpenStreams } from './adapters/inbound/http/open-streams.js';
import { StoreVmHistory } from './adapters/outbound/store-vm-history.adapter.js';
import { FindResource } from './application/find-resource.handler.js';
import type { OperationEnds } from './application/operation-ends.js';
import type { FleetCommands } from './application/ports/fleet-commands.port.js';
import { FLEET_READS, type FleetReads } from './application/ports/fleet-reads.port.js';
import { MODELS, type Models } from './application/ports/models.port.js';
import { EVENT_STORE, HEALTH, LOGGER } from './application/ports/platform.port.js';
import type { ReadPosition } from './application/ports/read-position.port.js';
import { VM_HISTORY, type VmHistory } from './application/ports/vm-history.port.js';
import { ProgressBoard } from './application/progress-board.js';
import { controllers, sections } from './sections.js';

/** What the gateway is put together from: real adapters in the service, fakes in specs. */
export interface GatewayParts {
  readonly store: EventStore;
  readonly commands: FleetCommands;
  readonly reads: FleetReads;
  readonly position: ReadPosition;
  readonly models: Models;
  readonly ends: OperationEnds;
  readonly progress: ProgressBoard;
  readonly streams: OpenStreams;
  readonly health: Health;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long a read waits for the position it names. */
  readonly positionWaitMs: number;
}

/** What handlers are made of. */
export interface HandlerParts extends Omit<
  GatewayParts,
  'streams' | 'health' | 'logger' | 'models' | 'positionWaitMs'
> {
  readonly find: FindResource;
  readonly history: VmHistory;
}

@Module({})
export class ApiGatewayModule {
  static of(parts: GatewayParts): DynamicModule {
    const { store, reads, position, progress, clock } = parts;
    const find = new FindResource(reads, position);
    const history = new StoreVmHistory(store);
    const handlers = sections.flatMap((section) => section.handlers?.({ ...parts, find, history }) ?? []);
    return {
      module: ApiGatewayModule,
      controllers: [...controllers],
      providers: [
        { provide: APP_GUARD, useValue: new AccessGuard(position, parts.positionWaitMs) },
        { provide: EVENT_STORE, useValue: store },
        { provide: FLEET_READS, useValue: reads },
        { provide: MODELS, useValue: parts.models },
        { provide: Readiness, useValue: new Readiness(parts.health, clock) },
        { provide: HEALTH, useValue: parts.health },
        { provide: LOGGER, useValue: parts.logger },
        { provide: OpenStreams, useValue: parts.streams },
        { provide: ProgressBoard, useValue: progress },
        { provide: VM_HISTORY, useValue: history },
        { provide: FindResource, useValue: find },
        ...handlers.map((handler) => ({ provide: handler.constructor as Type, useValue: handler })),
      ],
    };
  }
}
