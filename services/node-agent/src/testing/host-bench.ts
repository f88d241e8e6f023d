import { randomUUID } from 'node:crypto';
import {
  SimulatedFaults,
  SimulatedHypervisor,
  SimulatedMachine,
  type Hypervisor,
  type SimulatedHardware,
} from '@drover/hypervisor';
import { createMemoryBus, OrderCheck, parseOrderKeys, type MemoryBus, type Messaging } from '@drover/messaging';
import { createMetrics, silentLogger, type Logger } from '@drover/observability';
import { MemoryJournal } from '../adapters/outbound/journal/memory-journal.adapter.js';
import { defaultLimits, defaultTimings, type AgentTimings } from '../application/agent-settings.js';
import type { Journal } from '../application/ports/journal.port.js';
import { createNodeAgent, hostIdOf, type NodeAgent } from '../create-node-agent.js';
import { ControlPlaneDouble } from './control-plane-double.js';

/** Timings under which nothing happens by itself within a spec, and what is tried again is tried at once. */
export const specTimings: AgentTimings = {
  ...defaultTimings,
  fullListIntervalMs: 600_000,
  loadIntervalMs: 600_000,
  inventoryIntervalMs: 600_000,
  retryMs: 1,
  guestPollMs: 5,
};

export interface HostBenchOptions {
  readonly hardware?: Partial<SimulatedHardware>;
  readonly timings?: Partial<AgentTimings>;
  readonly reservedMemoryMiB?: number;
  readonly memoryOvercommitRatio?: number;
  readonly journal?: Journal;
  readonly faultSeed?: number;
  /** Of the agent; silent by default. */
  readonly logger?: Logger;
}

/** What stands between one agent and its host. */
export interface AgentParts {
  readonly hypervisor?: (driver: Hypervisor) => Hypervisor;
  readonly journal?: Journal;
  readonly messaging?: Messaging;
}

/** One simulated host whose agent can be started, stopped and replaced, and the control plane it talks to. */
export class HostBench {
  readonly machine: SimulatedMachine;
  readonly faults: SimulatedFaults;
  readonly bus: MemoryBus = createMemoryBus();
  readonly journal: Journal;
  readonly controlPlane: ControlPlaneDouble;
  readonly metrics = createMetrics();
  readonly #options: HostBenchOptions;
  #agent: NodeAgent | undefined;

  constructor(options: HostBenchOptions = {}) {
    this.#options = options;
    this.faults = new SimulatedFaults([], options.faultSeed);
    this.machine = new SimulatedMachine({ name: `spec-${randomUUID()}`, ...options.hardware });
    this.journal = options.journal ?? new MemoryJournal();
    this.controlPlane = new ControlPlaneDouble(this.connect('vm-manager'), hostIdOf(this.machine.machineId));
  }

  get agent(): NodeAgent {
    if (this.#agent === undefined) throw new Error('no agent was started');
    return this.#agent;
  }

  connect(name = `host-${hostIdOf(this.machine.machineId)}`): Messaging {
    const deadLetters = { keep: () => Promise.reject(new Error('a message was unreadable')) };
    return this.bus.connect({
      name,
      logger: silentLogger,
      deadLetters,
      repeats: { afterRefusal: { firstMs: 1, maxMs: 5 }, afterSilence: { firstMs: 50, maxMs: 200 } },
    });
  }

  /** A new agent, as after a restart. */
  create(through: AgentParts = {}): NodeAgent {
    const driver = new SimulatedHypervisor(this.machine, { faults: this.faults });
    const { machineId } = this.machine;
    this.#agent = createNodeAgent({
      hostId: hostIdOf(machineId),
      messaging: through.messaging ?? this.connect(),
      hypervisor: through.hypervisor?.(driver) ?? driver,
      journal: through.journal ?? this.journal,
      orderCheck: new OrderCheck({
        keys: () => parseOrderKeys(this.controlPlane.key.publicKey),
        logger: this.#options.logger ?? silentLogger,
        metrics: this.metrics,
      }),
      logger: this.#options.logger ?? silentLogger,
      random: () => 0,
      settings: {
        host: {
          name: this.machine.hardware.name,
          machineId,
          bootId: this.machine.bootId,
          reservedMemoryMiB: this.#options.reservedMemoryMiB ?? 0,
          controlPlaneMemoryMiB: 0,
          memoryOvercommitRatio: this.#options.memoryOvercommitRatio ?? 1,
        },
        agentVersion: 'spec',
        timings: { ...specTimings, ...this.#options.timings },
        limits: defaultLimits,
      },
    });
    return this.#agent;
  }

  /** Starts a new agent and waits until it takes orders and its first full list has arrived. */
  async start(through: AgentParts = {}): Promise<NodeAgent> {
    const agent = this.create(through);
    const listsBefore = this.fullLists();
    await agent.start();
    await this.controlPlane.when(() => (agent.isOpen ? true : undefined), 'the agent to open');
    await this.controlPlane.when(() => (this.fullLists() > listsBefore ? true : undefined), 'the first full list');
    return agent;
  }

  fullLists(): number {
    return this.controlPlane.vmReports.filter((report) => report.kind === 'full-list' && report.isLast).length;
  }
}
