import 'reflect-metadata';
import { Module, type DynamicModule } from '@nestjs/common';
import { HeartbeatController } from './adapters/inbound/heartbeat.controller.js';
import { HostCommandController } from './adapters/inbound/host-command.controller.js';
import { HostLaneController } from './adapters/inbound/host-lane.controller.js';
import { AnswerHeartbeatHandler } from './application/answer-heartbeat.handler.js';
import { WriteHostHandler } from './application/write-host.handler.js';
import { RegisterHostHandler } from './application/register-host.handler.js';
import { TakeHostReportsHandler } from './application/take-host-reports.handler.js';

export interface Handlers {
  readonly register: RegisterHostHandler;
  readonly reports: TakeHostReportsHandler;
  readonly heartbeats: AnswerHeartbeatHandler;
  readonly commands: WriteHostHandler;
}

/** Binds the controllers of the bus to one replica. */
@Module({})
export class HaManagerModule {
  static of({ register, reports, heartbeats, commands }: Handlers): DynamicModule {
    return {
      module: HaManagerModule,
      controllers: [HostLaneController, HeartbeatController, HostCommandController],
      providers: [
        { provide: RegisterHostHandler, useValue: register },
        { provide: TakeHostReportsHandler, useValue: reports },
        { provide: AnswerHeartbeatHandler, useValue: heartbeats },
        { provide: WriteHostHandler, useValue: commands },
      ],
    };
  }
}
