import { forgetOrdersSchema, type ForgetOrders } from '@drover/contracts';
import { ACTIVE_GROUP, answered, OnRequest, rejected, type Answer } from '@drover/messaging';
import { currentTraceparent } from '@drover/observability';
import { Controller, Inject } from '@nestjs/common';
import { ForgetOrdersHandler } from '../../application/forget-orders.handler.js';

/** `command.vm.forget-orders`: an operator's word about a host's journal, and no wish of a VM. */
@Controller()
export class ForgetOrdersController {
  readonly #handler: ForgetOrdersHandler;

  constructor(@Inject(ForgetOrdersHandler) handler: ForgetOrdersHandler) {
    this.#handler = handler;
  }

  @OnRequest('command.vm.forget-orders', forgetOrdersSchema, { group: ACTIVE_GROUP })
  async forget(message: ForgetOrders): Promise<Answer> {
    const answer = await this.#handler.handle(message, currentTraceparent());
    return answer.kind === 'accepted' ? answered(answer.value) : rejected(answer.rejection);
  }
}
