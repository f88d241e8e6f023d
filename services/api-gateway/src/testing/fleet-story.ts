import {
  commandEffectLabels,
  DEFAULT_CLUSTER,
  DEFAULT_PROJECT,
  eventIdSchema,
  hostIdSchema,
  operationIdSchema,
  projectIdSchema,
  reservationIdSchema,
  vmIdSchema,
  type vmKind,
  vmWishFact,
  vmSpecSchema,
  type EventMeta,
  type HostId,
  type HostInventory,
  type HostFact,
  type ImageFact,
  type ImageId,
  type NewEvent,
  type OperationId,
  type OperationKindOf,
  type VmCommand,
  type VmId,
  type VmSpecInput,
  type ReportSource,
  type StrayKind,
  type StraysFact,
  type VmFact,
  type Answer,
} from '@drover/contracts';
import { derivedId, requestDigest } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { FakeFleetCommands } from './fake-fleet-commands.js';

/**
 * Writes into an event store what the services would: histories for specs of the read side, valid by their schemas.
 *
 * Ids follow from names and counts, so that the same story told twice is the same.
 */
export class FleetStory {
  readonly #store: EventStore;
  #count = 0;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async host(name: string, inventory: Partial<HostInventory> = {}): Promise<HostId> {
    const hostId = hostIdOf(name);
    await this.onHost(hostId, {
      type: 'HostRegistered',
      data: {
        hostId,
        clusterId: DEFAULT_CLUSTER,
        inventory: { ...inventoryOf(name), ...inventory },
        journalId: `journal-${name}`,
        journalEpoch: 1,
        agentVersion: '0.1.0',
        protocolVersion: 1,
        capabilities: [],
        bootNonce: `boot-${name}`,
      },
    });
    return hostId;
  }

  onHost(hostId: HostId, ...facts: readonly HostFact[]) {
    return this.#append(`host-${hostId}`, facts);
  }

  onVm(vmId: VmId, ...facts: readonly VmFact[]) {
    return this.#append(`vm-${vmId}`, facts);
  }

  onStrays(hostId: HostId, ...facts: readonly StraysFact[]) {
    return this.#append(`strays-${hostId}`, facts);
  }

  onImage(imageId: ImageId, ...facts: readonly ImageFact[]) {
    return this.#append(`image-${imageId}`, facts);
  }

  /** What follows from a command that asked this. */
  asked(vmId: VmId, requestDigest: string, ...facts: readonly VmFact[]) {
    return this.#append(`vm-${vmId}`, facts, { requestDigest });
  }

  /** An event of a type that no code knows. */
  strange(stream: string) {
    return this.#append(stream, [{ type: 'FromTheFuture', data: { any: 'thing' } }]);
  }

  /** `VmRequested` and the beginning of its operation. */
  async requested(
    name: string,
    options: {
      readonly project?: string;
      readonly spec?: VmSpecInput;
      readonly operationId?: OperationId;
      /** For another VM of the name. */
      readonly vmId?: VmId;
    } = {},
  ): Promise<VmId> {
    const projectId = projectIdSchema.parse(options.project ?? DEFAULT_PROJECT);
    const vmId = options.vmId ?? vmIdOf(name, projectId);
    const spec = vmSpecSchema.parse(options.spec ?? {});
    await this.onVm(
      vmId,
      { type: 'VmRequested', data: { vmId, projectId, name, spec, powerOn: true } },
      began(
        options.operationId ?? operationIdOf(options.project === undefined ? name : `${projectId}/${name}`),
        'vm.create',
      ),
    );
    return vmId;
  }

  placed(vmId: VmId, hostId: HostId, n = 1) {
    const score = { total: 10, parts: { spread: 10 } };
    return this.onVm(vmId, {
      type: 'VmPlaced',
      data: {
        hostId,
        generation: { epoch: 1, n },
        reservationId: reservationIdSchema.parse(derivedId(vmId, `reservation ${n}`)),
        score,
        runnersUp: [],
      },
    });
  }

  /** A VM that runs on a host, its create ended. */
  async running(name: string, hostId: HostId, spec: VmSpecInput = {}): Promise<VmId> {
    const vmId = await this.requested(name, { spec });
    await this.placed(vmId, hostId);
    await this.onVm(
      vmId,
      { type: 'VmStarted', data: { ...this.seen(hostId), cause: 'user' } },
      { type: 'OperationSucceeded', data: { operationId: operationIdOf(name) } },
    );
    return vmId;
  }

  /** What a report brings along. */
  seen(hostId: HostId) {
    return {
      hostId,
      generation: { epoch: 1, n: 1 },
      source: { hostId, journalEpoch: 1, sequence: (this.#count += 1) },
    };
  }

  async #append(
    stream: string,
    facts: readonly { readonly type: string; readonly data: unknown }[],
    meta: Partial<EventMeta> = {},
  ) {
    const events = facts.map(({ type, data }): NewEvent => {
      this.#count += 1;
      return {
        id: eventIdSchema.parse(derivedId(stream, `${this.#count}`)),
        type,
        schemaVersion: 1,
        data,
        meta: {
          at: '2026-01-01T00:00:00.000Z',
          actor: { kind: 'user', id: 'story' },
          projectId: DEFAULT_PROJECT,
          ...meta,
        },
      };
    });
    const result = await this.#store.append(stream, 'any', events);
    if (result.kind === 'conflict') throw new Error('no revision was expected');
    return result;
  }
}

/** Lets the fake take creates, power commands and deletes as vm-manager would: into the store, and answered at once. */
export function takeVmCommands(commands: FakeFleetCommands, story: FleetStory): void {
  commands.respond = async (subject, message): Promise<Answer<unknown>> => {
    const command = message as VmCommand;
    const operationId = operationIdSchema.parse(derivedId(command.commandId, commandEffectLabels.operation));
    const vmId =
      command.kind === 'create' ? vmIdSchema.parse(derivedId(command.commandId, commandEffectLabels.vm)) : command.vmId;
    if (command.kind === 'cancel') throw new Error(`${subject} is none of a create, an action and a delete`);
    const { kind } = command;
    const wish = kind === 'create' ? requested(vmId, command) : vmWishFact(command);
    const asked = requestDigest(command);
    const { revision, position } = await story.asked(vmId, asked, wish, began(operationId, `vm.${kind}`));
    return { kind: 'answered', value: { subjectId: vmId, operationId, revision, position } };
  };
}

function requested(vmId: VmId, { projectId, name, spec, powerOn }: VmCommand<'create'>): VmFact {
  return { type: 'VmRequested', data: { vmId, projectId, name, spec, powerOn } };
}

export function began(operationId: OperationId, kind: OperationKindOf<typeof vmKind>): VmFact {
  return { type: 'OperationBegan', data: { operationId, kind, timeoutMs: 60_000 } };
}

export function vmIdOf(name: string, project: string = DEFAULT_PROJECT): VmId {
  return vmIdSchema.parse(derivedId(`${project}/${name}`, 'vm'));
}

export function hostIdOf(name: string): HostId {
  return hostIdSchema.parse(derivedId(name, 'host'));
}

export function operationIdOf(name: string): OperationId {
  return operationIdSchema.parse(derivedId(name, 'operation'));
}

export function inventoryOf(name: string): HostInventory {
  return {
    name,
    machineId: '0123456789abcdef0123456789abcdef',
    hypervisor: 'simulated',
    accelerator: 'simulated',
    architecture: 'x86_64',
    cpu: { model: 'sim', flags: [], sockets: 1, coresPerSocket: 8, threadsPerCore: 1, count: 8, mhz: 2000 },
    memoryMiB: 16_384,
    reservedMemoryMiB: 1024,
    hugePagesMiB: 0,
    numa: [],
    pciDevices: [],
    gpus: [],
    pools: [],
    networks: ['default'],
    images: [{ name: 'guest', format: 'qcow2', virtualSizeMiB: 64 }],
  };
}

/** A domain that a host listed and no VM explains. */
export function strayFound(vmId: VmId, source: ReportSource, kind: StrayKind): StraysFact {
  const generation = { epoch: 1, n: 1 };
  const seen = { title: 'web', powerState: 'RUNNING', vcpus: 1, memoryMiB: 128 } as const;
  return { type: 'StrayFound', data: { source, vmId, kind, generation, ...seen } };
}
