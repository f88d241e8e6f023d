import 'reflect-metadata';
import { OrderSigner } from '@drover/messaging';
import { Module, type DynamicModule } from '@nestjs/common';
import { VmCommandController } from './adapters/inbound/vm-command.controller.js';
import { ForgetOrdersController } from './adapters/inbound/forget-orders.controller.js';
import { VmLaneController } from './adapters/inbound/vm-lane.controller.js';
import { ForgetOrdersHandler } from './application/forget-orders.handler.js';
import { HostReportHandler } from './application/host-report.handler.js';
import { VmCommandHandler } from './application/vm-command.handler.js';
import type { VmManager } from './application/vm-manager.process.js';

/** Binds the controllers of the bus to one replica. */
@Module({})
export class VmManagerModule {
  static of(manager: VmManager, signer: OrderSigner): DynamicModule {
    return {
      module: VmManagerModule,
      controllers: [VmCommandController, ForgetOrdersController, VmLaneController],
      providers: [
        { provide: VmCommandHandler, useValue: manager.commands },
        { provide: ForgetOrdersHandler, useValue: manager.forgetOrders },
        { provide: HostReportHandler, useValue: manager.reports },
        { provide: OrderSigner, useValue: signer },
      ],
    };
  }
}
