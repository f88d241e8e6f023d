import type {
  HostCommandBody,
  HostCommandMessage,
  HostVerb,
  ProjectId,
  hostWriteAnswerSchema,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { z } from 'zod';
import { actorOf, commandIdOf, type Caller } from './caller.js';
import type { FindResource } from './find-resource.handler.js';
import type { FleetCommands } from './ports/fleet-commands.port.js';
import { accept, type Written } from './write-vm.handler.js';

/** Turns requests into commands to ha-manager. They are done when they are answered. */
export class WriteHost {
  readonly #commands: FleetCommands;
  readonly #find: FindResource;
  readonly #clock: Clock;

  constructor(commands: FleetCommands, find: FindResource, clock: Clock) {
    this.#commands = commands;
    this.#find = find;
    this.#clock = clock;
  }

  async act<Verb extends HostVerb>(
    caller: Caller,
    verb: Verb,
    ref: string,
    body: HostCommandBody<Verb>,
  ): Promise<Written<z.output<typeof hostWriteAnswerSchema>>> {
    const { id, name } = await this.#find.host(ref);
    const message = {
      commandId: commandIdOf(caller, [`host.${verb}`, ref], this.#clock),
      actor: actorOf(caller),
      hostId: id,
      ...body,
    };
    const { position } = accept(await this.#commands.host(verb, message as HostCommandMessage<Verb>));
    return { body: { operation: null, host: { id, name } }, position, isEnded: true };
  }

  /** Asked of vm-manager, whose orders they are. */
  async forgetOrders(
    caller: Caller,
    ref: string,
    vm: string,
    project: ProjectId,
  ): Promise<Written<z.output<typeof hostWriteAnswerSchema>>> {
    const { id, name } = await this.#find.host(ref);
    const found = await this.#find.vm(project, vm);
    const message = {
      commandId: commandIdOf(caller, ['host.forget-orders', ref, project, vm], this.#clock),
      actor: actorOf(caller),
      hostId: id,
      projectId: found.project,
      vmId: found.id,
    };
    const { position } = accept(await this.#commands.forgetOrders(message));
    return { body: { operation: null, host: { id, name } }, position, isEnded: true };
  }
}
