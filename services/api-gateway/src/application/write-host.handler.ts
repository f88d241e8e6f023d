import type { hostWriteAnswerSchema, HostWish, ProjectId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { z } from 'zod';
import { actorOf, commandIdOf, type Caller } from './caller.js';
import type { FindResource } from './find-resource.handler.js';
import type { FleetCommands } from './ports/fleet-commands.port.js';
import { accept, type Written } from './write-vm.handler.js';

type HostWriteAnswer = z.output<typeof hostWriteAnswerSchema>;

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

  async act(caller: Caller, ref: string, wish: HostWish): Promise<Written<HostWriteAnswer>> {
    const { id, name } = await this.#find.host(ref);
    const { position } = accept(
      await this.#commands.command('host', wish.kind, {
        ...wish,
        commandId: commandIdOf(caller, [`host.${wish.kind}`, ref], this.#clock),
        actor: actorOf(caller),
        hostId: id,
      }),
    );
    return { body: { operation: null, host: { id, name } }, position, isEnded: true };
  }

  /** Asked of vm-manager, whose orders they are. */
  async forgetOrders(caller: Caller, ref: string, vm: string, project: ProjectId): Promise<Written<HostWriteAnswer>> {
    const { id, name } = await this.#find.host(ref);
    const found = await this.#find.vm(project, vm);
    const message = {
      commandId: commandIdOf(caller, ['host.forget-orders', ref, project, vm], this.#clock),
      actor: actorOf(caller),
      hostId: id,
      projectId: found.project,
      vmId: found.id,
    };
    const { position } = accept(await this.#commands.command('vm', 'forget-orders', message));
    return { body: { operation: null, host: { id, name } }, position, isEnded: true };
  }
}
