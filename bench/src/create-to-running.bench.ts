import type { OperationResource } from '@drover/contracts';
import { Fleet, type FleetPart } from '@drover/testing';
import { note, quantile, rounded, timed, type Figure } from './figure.js';
import { costOf } from './process-cost.js';

const HOSTS = 100;
const IN_FLIGHT = 64;
const WARM_UP = 200;
const VMS = 3000;
const controlPlane: readonly FleetPart[] = ['nats', 'postgres', 'ha-manager', 'scheduler', 'vm-manager', 'api-gateway'];

/**
 * From `POST` to the operation's success, over HTTP, with every service a process of its own; hosts simulated with zero
 * latency, their journals and the event store on disk.
 */
export async function* bench(): AsyncIterable<Figure> {
  note(`starting ${HOSTS} hosts`);
  const fleet = await Fleet.start({ hypervisor: 'simulated', hosts: HOSTS });
  try {
    const idleMiB = residentMiB(fleet);
    await createMany(fleet, 'warm', WARM_UP);
    const before = cpuSeconds(fleet);
    const latencies: number[] = [];
    const elapsedMs = await timed(async () => {
      latencies.push(...(await createMany(fleet, 'vm', VMS)));
    });
    const after = cpuSeconds(fleet);
    const perVm = Object.fromEntries(
      [...controlPlane, 'node-agent' as const].map((part) => [
        part,
        rounded(((after[part] ?? 0) - (before[part] ?? 0)) / VMS),
      ]),
    );
    yield {
      figure: 'create-to-running',
      value: rounded((VMS * 1000) / elapsedMs),
      unit: 'VMs/s',
      goal: 200,
      better: 'higher',
      detail: {
        p50Ms: rounded(quantile(latencies, 0.5)),
        p95Ms: rounded(quantile(latencies, 0.95)),
        p99Ms: rounded(quantile(latencies, 0.99)),
        hosts: HOSTS,
        inFlight: IN_FLIGHT,
        vms: VMS,
        cpuSecondsPerVm: rounded(controlPlane.reduce((sum, part) => sum + (perVm[part] ?? 0), 0)),
        cpuSecondsPerVmByPart: perVm,
        idleMiB,
        idleMiBTotal: Object.values(idleMiB).reduce((sum, value) => sum + value, 0),
      },
    };
  } finally {
    await fleet.stop();
  }
}

/** Milliseconds each VM took. */
async function createMany(fleet: Fleet, prefix: string, count: number): Promise<readonly number[]> {
  const latencies: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const name = `${prefix}-${next}`;
      next += 1;
      latencies.push(await timed(() => create(fleet, name)));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return latencies;
}

async function create(fleet: Fleet, name: string): Promise<void> {
  const { operation } = await fleet.api.expectDone<{ operation: OperationResource }>('POST', '/vms?wait=60s', {
    name,
    spec: { disks: [{ name: 'root', sizeMiB: 64 }] },
  });
  if (operation.state !== 'SUCCEEDED')
    throw new Error(`${name}: ${operation.state} ${JSON.stringify(operation.error)}`);
}

function cpuSeconds(fleet: Fleet): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...controlPlane, 'node-agent' as const].map((part) => [part, costOf(fleet.pidOf(part)).cpuSeconds]),
  );
}

function residentMiB(fleet: Fleet): Readonly<Record<string, number>> {
  return Object.fromEntries(controlPlane.map((part) => [part, costOf(fleet.pidOf(part)).residentMiB]));
}
