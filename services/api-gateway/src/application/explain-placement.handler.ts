import type { ExplainAnswer, ExplainQuery, ProjectId } from '@drover/contracts';
import { demandOf } from '@drover/fleet-model';
import type { FindResource } from './find-resource.handler.js';
import type { FleetCommands } from './ports/fleet-commands.port.js';
import { accept } from './write-vm.handler.js';

/** Asks the scheduler what it would say to a VM now. */
export class ExplainPlacement {
  readonly #commands: FleetCommands;
  readonly #find: FindResource;

  constructor(commands: FleetCommands, find: FindResource) {
    this.#commands = commands;
    this.#find = find;
  }

  async explain(
    project: ProjectId,
    ref: string,
    page: Pick<ExplainQuery, 'limit' | 'afterHostId'>,
  ): Promise<ExplainAnswer> {
    const { id, spec } = await this.#find.vm(project, ref);
    const { placement, labels } = spec;
    return accept(
      await this.#commands.explainPlacement({ vmId: id, demand: demandOf(spec), placement, labels, ...page }),
    );
  }
}
