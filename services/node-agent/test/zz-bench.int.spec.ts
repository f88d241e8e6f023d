import { mkdtemp, rm } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import path from 'node:path';
import { it } from '@jest/globals';
import { SimulatedHypervisor, SimulatedMachine } from '@drover/hypervisor';
import { createMemoryBus } from '@drover/messaging';
import { silentLogger } from '@drover/observability';
import { SqliteJournal } from '../src/adapters/outbound/journal/sqlite-journal.adapter.js';
import { createNodeAgent, hostIdOf } from '../src/create-node-agent.js';
import { defaultLimits, defaultTimings } from '../src/application/agent-settings.js';
import { ControlPlaneDouble } from '../src/testing/control-plane-double.js';
import { VmCommands } from '../src/testing/host-commands.js';
it('bench', async () => {
  const folder = await mkdtemp('/var/lib/drover-bench-');
  const journal = new SqliteJournal(path.join(folder, 'j.sqlite'));
  const bus = createMemoryBus();
  const connect = () => bus.connect({ name: 'x', logger: silentLogger, deadLetters: { keep: async () => undefined } });
  const agents = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const machine = new SimulatedMachine({ name: `h${i}` });
    const cp = new ControlPlaneDouble(connect(), hostIdOf(machine.machineId));
    const agent = createNodeAgent({ hostId: cp.hostId, messaging: connect(), hypervisor: new SimulatedHypervisor(machine), journal, logger: silentLogger,
      settings: { host: { name: 'x', machineId: machine.machineId, labels: {}, reservedMemoryMiB: 0 }, agentVersion: 'x', timings: defaultTimings, limits: defaultLimits } });
    await agent.start();
    await cp.when(() => agent.isOpen ? true : undefined, 'open', 20000);
    return { agent, cp };
  }));
  const h = monitorEventLoopDelay({ resolution: 5 }); h.enable();
  const cpu = process.cpuUsage(); const t = performance.now();
  const N = 4000; let next = 0;
  await Promise.all(Array.from({ length: 64 }, async () => {
    while (next < N) { const i = next++; const { cp } = agents[i % 100]!; const c = new VmCommands(`vm${i}`).create(1); await cp.order(c); await cp.end(c); }
  }));
  const ms = performance.now() - t; const used = process.cpuUsage(cpu);
  console.log({ perSecond: N / ms * 1000, cpuMsPerVm: (used.user + used.system) / 1000 / N, delayMaxMs: h.max / 1e6, p99: h.percentile(99) / 1e6 });
  for (const { agent } of agents) await agent.stop();
  await journal.close(); await rm(folder, { recursive: true });
}, 120_000);
