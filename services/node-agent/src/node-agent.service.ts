import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { connectMessaging, OrderCheck, orderKeysIn } from '@drover/messaging';
import type { ServiceContext, ServiceDefinition } from '@drover/service-kit';
import { FileDeadLetters } from './adapters/outbound/dead-letters/file-dead-letters.adapter.js';
import { SqliteJournal } from './adapters/outbound/journal/sqlite-journal.adapter.js';
import { defaultTimings, type AgentSettings } from './application/agent-settings.js';
import { AgentGroup, type GroupedAgent } from './agent-group.js';
import { AgentDismissed } from './application/session.process.js';
import type { ConfiguredHost, NodeAgentConfig } from './config.js';
import { createNodeAgent, type NodeAgent } from './create-node-agent.js';
import { openHostDrivers, type DrivenHost } from './hypervisor-of-host.js';

const NAME = 'node-agent';
const VERSION = '0.1.0';
const PROGRESS_EVERY = 250;

/** The agents of all hosts that are configured here, each with its own connection and credentials. */
export function nodeAgentService(config: NodeAgentConfig): ServiceDefinition {
  return {
    name: NAME,
    start: async (context) => {
      const { hosts } = config;
      const keys = orderKeysIn(config.orders.publicKeysFile, context.logger);
      const orderCheck = new OrderCheck({ keys, logger: context.logger, metrics: context.metrics });
      const drivers = await openHostDrivers(config);
      context.onStop('hypervisor drivers', () => drivers.close());
      for (const { journalFolder } of hosts) await mkdir(journalFolder, { recursive: true, mode: 0o700 });
      const journal = new SqliteJournal(journalFile(config));
      context.onStop('journal', () => journal.close());
      const group = new AgentGroup<StartedAgent>();
      context.onStop('agents', () => group.stop());
      context.health.addCheck('registered', () => {
        const open = group.agents.filter(({ agent }) => agent.isOpen).length;
        return { isOk: open === hosts.length, detail: `${open} of ${hosts.length} hosts take orders` };
      });
      // Not waited for: each host takes VMs as soon as it has registered, however many there are.
      const start = (host: ConfiguredHost) =>
        startAgent(context, config, host, { ...drivers.of(host), journal, orderCheck });
      const tellProgress = (count: number) => {
        if (count % PROGRESS_EVERY === 0) context.logger.info('agents are connected', { count, hosts: hosts.length });
      };
      group.start(hosts, start, context.signal, tellProgress).then(
        () => void failWhenAllHaveEnded(context, group.agents),
        (error: unknown) => {
          if (!context.signal.aborted) context.fail(error);
        },
      );
    },
  };
}

interface StartedAgent extends GroupedAgent {
  readonly agent: NodeAgent;
}

/** One host that is refused is no reason to leave the others. */
async function failWhenAllHaveEnded(context: ServiceContext, agents: readonly StartedAgent[]): Promise<void> {
  const reasons = await Promise.all(agents.map(({ agent }) => agent.ended));
  const reason = reasons.find((each) => each !== undefined);
  if (reason !== undefined) context.fail(new AgentDismissed(reason));
}

/** Hosts of one process share one file: their writes then share flushes to disk. */
function journalFile({ hosts, home }: NodeAgentConfig): string {
  const [only, ...others] = hosts;
  return only === undefined || others.length > 0
    ? path.join(home, 'simulated-journals.sqlite')
    : path.join(only.journalFolder, 'journal.sqlite');
}

async function startAgent(
  context: ServiceContext,
  config: NodeAgentConfig,
  host: ConfiguredHost,
  {
    hypervisor,
    machineId,
    bootId,
    journal,
    orderCheck,
  }: DrivenHost & { journal: SqliteJournal; orderCheck: OrderCheck },
): Promise<StartedAgent> {
  const { logger, metrics, signal } = context;
  const { credentialsFile, id: hostId, journalFolder } = host;
  const messaging = await connectMessaging({
    servers: config.nats.url,
    name: `host-${hostId}`,
    subjectPrefix: config.subjectPrefix,
    ...(credentialsFile === undefined ? {} : { credentialsFile }),
    logger,
    metrics,
    deadLetters: new FileDeadLetters(path.join(journalFolder, 'dead-letters.jsonl')),
    signal,
  });
  const agent = createNodeAgent({
    hostId,
    messaging,
    hypervisor,
    journal,
    orderCheck,
    logger,
    settings: settingsOf(config, host, machineId, bootId),
  });
  const stop = async () => {
    await agent.stop();
    await messaging.drain();
  };
  try {
    await agent.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { agent, stop };
}

function settingsOf(
  { hypervisor, nodeAgent, overcommit }: NodeAgentConfig,
  host: ConfiguredHost,
  machineId: string,
  bootId: string,
): AgentSettings {
  const { fullListIntervalMs, loadIntervalMs, parallelCalls, parallelStarts } = nodeAgent;
  const reservedMemoryMiB = nodeAgent.reservedMemoryMiB ?? (hypervisor.kind === 'simulated' ? 256 : undefined);
  return {
    host: {
      name: host.name,
      machineId,
      bootId,
      ...(reservedMemoryMiB === undefined ? {} : { reservedMemoryMiB }),
      controlPlaneMemoryMiB: nodeAgent.controlPlaneMemoryMiB,
      memoryOvercommitRatio: overcommit.memoryRatio,
    },
    agentVersion: VERSION,
    timings: { ...defaultTimings, fullListIntervalMs, loadIntervalMs },
    limits: { parallelCalls, parallelStarts },
  };
}
