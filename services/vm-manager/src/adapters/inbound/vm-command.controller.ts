import { vmCommandSchemas, type VmCommandMessage, type VmVerb } from '@drover/contracts';
import { ACTIVE_GROUP, answered, OnRequest, rejected, type Answer } from '@drover/messaging';
import { currentTraceparent } from '@drover/observability';
import { Controller, Inject } from '@nestjs/common';
import { VmCommandHandler } from '../../application/vm-command.handler.js';
import type { VmCommand } from '../../domain/vm/vm-command.policy.js';

const group = { group: ACTIVE_GROUP };

/** `command.vm.<verb>`: one method per verb, because each has its schema. */
@Controller()
export class VmCommandController {
  readonly #handler: VmCommandHandler;

  constructor(@Inject(VmCommandHandler) handler: VmCommandHandler) {
    this.#handler = handler;
  }

  @OnRequest('command.vm.create', vmCommandSchemas.create, group)
  create(message: VmCommandMessage<'create'>): Promise<Answer> {
    return this.#handle('create', message);
  }

  @OnRequest('command.vm.start', vmCommandSchemas.start, group)
  start(message: VmCommandMessage<'start'>): Promise<Answer> {
    return this.#handle('start', message);
  }

  @OnRequest('command.vm.stop', vmCommandSchemas.stop, group)
  stop(message: VmCommandMessage<'stop'>): Promise<Answer> {
    return this.#handle('stop', message);
  }

  @OnRequest('command.vm.reboot', vmCommandSchemas.reboot, group)
  reboot(message: VmCommandMessage<'reboot'>): Promise<Answer> {
    return this.#handle('reboot', message);
  }

  @OnRequest('command.vm.reset', vmCommandSchemas.reset, group)
  reset(message: VmCommandMessage<'reset'>): Promise<Answer> {
    return this.#handle('reset', message);
  }

  @OnRequest('command.vm.pause', vmCommandSchemas.pause, group)
  pause(message: VmCommandMessage<'pause'>): Promise<Answer> {
    return this.#handle('pause', message);
  }

  @OnRequest('command.vm.resume', vmCommandSchemas.resume, group)
  resume(message: VmCommandMessage<'resume'>): Promise<Answer> {
    return this.#handle('resume', message);
  }

  @OnRequest('command.vm.delete', vmCommandSchemas.delete, group)
  delete(message: VmCommandMessage<'delete'>): Promise<Answer> {
    return this.#handle('delete', message);
  }

  @OnRequest('command.vm.cancel', vmCommandSchemas.cancel, group)
  cancel(message: VmCommandMessage<'cancel'>): Promise<Answer> {
    return this.#handle('cancel', message);
  }

  async #handle<Verb extends VmVerb>(verb: Verb, message: VmCommandMessage<Verb>): Promise<Answer> {
    const answer = await this.#handler.handle({ verb, ...message } as unknown as VmCommand, currentTraceparent());
    return answer.kind === 'accepted' ? answered(answer.value) : rejected(answer.rejection);
  }
}
