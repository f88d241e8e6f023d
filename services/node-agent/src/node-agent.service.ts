import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { connectMessaging, OrderCheck, orderKeysIn } from '@drover/messaging';
import type { ServiceContext, ServiceDefinition } from '@drover/service-kit';
import { FileDeadLetters } from './adapters/outbound/dead-letters/file-dead-letters.adapter.js';
import { SqliteJournal } from './adapters/outbound/journal/sqlite-journal.adapter.js';
import { defaultTimings, type AgentSettings } from './application/agent-settings.js';
import { AgentRefused } from './application/session.process.js';
import type { ConfiguredHost, NodeAgentConfig } from './config.js';
import { createNodeAgent, type NodeAgent } from './create-node-agent.js';
import { openHostDrivers, type DrivenHost } from './hypervisor-of-host.js';

const NAME = 'node-agent';
const VERSION = '0.1.0';

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
      const agents = await Promise.all(
        hosts.map((host) => startAgent(context, config, host, { ...drivers.of(host), journal, orderCheck })),
      );
      void Promise.all(agents.map((agent) => agent.ended)).then((reasons) => {
        // One host that is refused is no reason to leave the others.
        const reason = reasons.find((rejection) => rejection !== undefined);
        if (reason !== undefined) context.fail(new AgentRefused(reason));
      });
      context.health.addCheck('registered', () => {
        const open = agents.filter(({ isOpen }) => isOpen).length;
        return { isOk: open === agents.length, detail: `${open} of ${agents.length} hosts take commands` };
      });
    },
  };
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
  { hypervisor, machineId, journal, orderCheck }: DrivenHost & { journal: SqliteJournal; orderCheck: OrderCheck },
): Promise<NodeAgent> {
  const { logger, metrics, signal } = context;
  const { credentialsFile, id: hostId, journalFolder, name } = host;
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
  context.onStop(`nats of ${name}`, () => messaging.drain());
  const agent = createNodeAgent({
    hostId,
    messaging,
    hypervisor,
    journal,
    orderCheck,
    logger,
    settings: settingsOf(config, host, machineId),
  });
  context.onStop(`agent of ${name}`, () => agent.stop());
  await agent.start();
  return agent;
}

function settingsOf(
  { hypervisor, nodeAgent, overcommit }: NodeAgentConfig,
  host: ConfiguredHost,
  machineId: string,
): AgentSettings {
  const { fullListIntervalMs, loadIntervalMs, parallelCalls, parallelStarts } = nodeAgent;
  const reservedMemoryMiB = nodeAgent.reservedMemoryMiB ?? (hypervisor.kind === 'simulated' ? 256 : undefined);
  return {
    host: {
      name: host.name,
      machineId,
      ...(reservedMemoryMiB === undefined ? {} : { reservedMemoryMiB }),
      controlPlaneMemoryMiB: nodeAgent.controlPlaneMemoryMiB,
      memoryOvercommitRatio: overcommit.memoryRatio,
    },
    agentVersion: VERSION,
    timings: { ...defaultTimings, fullListIntervalMs, loadIntervalMs },
    limits: { parallelCalls, parallelStarts },
  };
}
