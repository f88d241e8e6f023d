import { heartbeatSchema, hostIdOfSubject, hostIdSchema, loosely, type Heartbeat } from '@drover/contracts';
import {
  ACTIVE_GROUP,
  answered,
  OnRequest,
  UnreadableMessage,
  type Answer,
  type IncomingMessage,
} from '@drover/messaging';
import { Controller, Inject } from '@nestjs/common';
import { AnswerHeartbeatHandler } from '../../application/answer-heartbeat.handler.js';

/** `host.<hostId>.heartbeat`. */
@Controller()
export class HeartbeatController {
  readonly #handler: AnswerHeartbeatHandler;

  constructor(@Inject(AnswerHeartbeatHandler) handler: AnswerHeartbeatHandler) {
    this.#handler = handler;
  }

  @OnRequest('host.*.heartbeat', loosely(heartbeatSchema), { group: ACTIVE_GROUP })
  heartbeat(heartbeat: Heartbeat, message: IncomingMessage): Answer {
    const hostId = hostIdSchema.safeParse(hostIdOfSubject(message.subject));
    if (!hostId.success) throw new UnreadableMessage('the subject names no host id');
    return answered(this.#handler.answer(hostId.data, heartbeat));
  }
}
