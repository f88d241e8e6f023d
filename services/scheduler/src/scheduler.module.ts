import 'reflect-metadata';
import { Module, type DynamicModule } from '@nestjs/common';
import { HostLoadController } from './adapters/inbound/host-load.controller.js';
import { PlacementController } from './adapters/inbound/placement.controller.js';
import { ExplainPlacementHandler } from './application/explain-placement.handler.js';
import { Ledger } from './application/ledger.state.js';
import { PlaceVmHandler } from './application/place-vm.handler.js';

/** Binds the controllers of the bus to one replica. */
@Module({})
export class SchedulerModule {
  static of(ledger: Ledger, place: PlaceVmHandler): DynamicModule {
    return {
      module: SchedulerModule,
      controllers: [PlacementController, HostLoadController],
      providers: [
        { provide: Ledger, useValue: ledger },
        { provide: PlaceVmHandler, useValue: place },
        { provide: ExplainPlacementHandler, useValue: new ExplainPlacementHandler(ledger) },
      ],
    };
  }
}
