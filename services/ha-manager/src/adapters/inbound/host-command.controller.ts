import { hostCommandSchemas, type HostCommandMessage, type HostVerb } from '@drover/contracts';
import { ACTIVE_GROUP, answered, OnRequest, rejected, type Answer } from '@drover/messaging';
import { currentTraceparent } from '@drover/observability';
import { Controller, Inject } from '@nestjs/common';
import { CordonHostHandler } from '../../application/cordon-host.handler.js';

/** `command.host.<verb>`. */
@Controller()
export class HostCommandController {
  readonly #handler: CordonHostHandler;

  constructor(@Inject(CordonHostHandler) handler: CordonHostHandler) {
    this.#handler = handler;
  }

  @OnRequest('command.host.cordon', hostCommandSchemas.cordon, { group: ACTIVE_GROUP })
  cordon(message: HostCommandMessage<'cordon'>): Promise<Answer> {
    return this.#handle('cordon', message);
  }

  @OnRequest('command.host.uncordon', hostCommandSchemas.uncordon, { group: ACTIVE_GROUP })
  uncordon(message: HostCommandMessage<'uncordon'>): Promise<Answer> {
    return this.#handle('uncordon', message);
  }

  async #handle(verb: HostVerb, message: HostCommandMessage): Promise<Answer> {
    const value = await this.#handler.handle(verb, message, currentTraceparent());
    return 'code' in value ? rejected(value) : answered(value);
  }
}
