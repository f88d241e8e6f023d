import { vmCommandSchemas, type VmCommand, type VmCommandKind } from '@drover/contracts';
import { ACTIVE_GROUP, answered, OnRequest, rejected, type Answer } from '@drover/messaging';
import { currentTraceparent } from '@drover/observability';
import { Controller, Inject } from '@nestjs/common';
import { VmCommandHandler } from '../../application/vm-command.handler.js';

/** `command.vm.<kind>`: one method for each kind of command, because each has its schema. */
@Controller()
export class VmCommandController {
  readonly #handler: VmCommandHandler;

  constructor(@Inject(VmCommandHandler) handler: VmCommandHandler) {
    this.#handler = handler;
  }

  async handle(command: VmCommand): Promise<Answer> {
    const answer = await this.#handler.handle(command, currentTraceparent());
    return answer.kind === 'accepted' ? answered(answer.value) : rejected(answer.rejection);
  }
}

for (const kind of Object.keys(vmCommandSchemas) as VmCommandKind[]) {
  const value = function (this: VmCommandController, command: VmCommand) {
    return this.handle(command);
  };
  const method = { value, configurable: true, writable: true };
  Object.defineProperty(VmCommandController.prototype, kind, method);
  OnRequest(`command.vm.${kind}`, vmCommandSchemas[kind], { group: ACTIVE_GROUP })(
    VmCommandController.prototype,
    kind,
    method,
  );
}
