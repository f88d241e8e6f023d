import { hostCommandSchemas, type HostCommandMessage, type HostVerb } from '@drover/contracts';
import { ACTIVE_GROUP, answerOf, OnRequest, type Answer } from '@drover/messaging';
import { currentTraceparent } from '@drover/observability';
import { Controller, Inject } from '@nestjs/common';
import { WriteHostHandler } from '../../application/write-host.handler.js';

/** `command.host.<verb>`. */
@Controller()
export class HostCommandController {
  readonly #handler: WriteHostHandler;

  constructor(@Inject(WriteHostHandler) handler: WriteHostHandler) {
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

  @OnRequest('command.host.label', hostCommandSchemas.label, { group: ACTIVE_GROUP })
  label(message: HostCommandMessage<'label'>): Promise<Answer> {
    return this.#handle('label', message);
  }

  @OnRequest('command.host.zone', hostCommandSchemas.zone, { group: ACTIVE_GROUP })
  zone(message: HostCommandMessage<'zone'>): Promise<Answer> {
    return this.#handle('zone', message);
  }

  @OnRequest('command.host.cluster', hostCommandSchemas.cluster, { group: ACTIVE_GROUP })
  cluster(message: HostCommandMessage<'cluster'>): Promise<Answer> {
    return this.#handle('cluster', message);
  }

  @OnRequest('command.host.revoke', hostCommandSchemas.revoke, { group: ACTIVE_GROUP })
  revoke(message: HostCommandMessage<'revoke'>): Promise<Answer> {
    return this.#handle('revoke', message);
  }

  @OnRequest('command.host.readmit', hostCommandSchemas.readmit, { group: ACTIVE_GROUP })
  readmit(message: HostCommandMessage<'readmit'>): Promise<Answer> {
    return this.#handle('readmit', message);
  }

  async #handle<Verb extends HostVerb>(verb: Verb, message: HostCommandMessage<Verb>): Promise<Answer> {
    return answerOf(await this.#handler.handle(verb, message, currentTraceparent()));
  }
}
