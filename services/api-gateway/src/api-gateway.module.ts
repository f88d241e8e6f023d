import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Clock } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Logger } from '@drover/observability';
import type { Health } from '@drover/service-kit';
import { AccessGuard } from './adapters/inbound/http/access.guard.js';
import { OpenStreams } from './adapters/inbound/http/open-streams.js';
import { controllers } from './adapters/inbound/http/routes.js';
import { StoreVmHistory } from './adapters/outbound/store-vm-history.adapter.js';
import { ExplainPlacement } from './application/explain-placement.handler.js';
import { FindResource } from './application/find-resource.handler.js';
import type { OperationEnds } from './application/operation-ends.js';
import type { FleetCommands } from './application/ports/fleet-commands.port.js';
import { FLEET_READS, type FleetReads } from './application/ports/fleet-reads.port.js';
import { MODELS, type Models } from './application/ports/models.port.js';
import { EVENT_STORE, HEALTH, LOGGER } from './application/ports/platform.port.js';
import type { ReadPosition } from './application/ports/read-position.port.js';
import { VM_HISTORY } from './application/ports/vm-history.port.js';
import { Readiness } from './application/readiness.js';
import { ProgressBoard } from './application/progress-board.js';
import { VmAsOf } from './application/vm-as-of.handler.js';
import { WriteHost } from './application/write-host.handler.js';
import { WriteVm } from './application/write-vm.handler.js';

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

@Module({})
export class ApiGatewayModule {
  static of(parts: GatewayParts): DynamicModule {
    const { store, commands, reads, position, ends, progress, clock } = parts;
    const find = new FindResource(reads, position);
    const history = new StoreVmHistory(store);
    return {
      module: ApiGatewayModule,
      controllers,
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
        { provide: VmAsOf, useValue: new VmAsOf(history, reads, find) },
        { provide: ExplainPlacement, useValue: new ExplainPlacement(commands, find) },
        { provide: WriteHost, useValue: new WriteHost(commands, find, clock) },
        { provide: WriteVm, useValue: new WriteVm({ commands, find, reads, position, ends, progress, clock }) },
      ],
    };
  }
}
