import { setTimeout as delay } from 'node:timers/promises';
import type { OperationResource } from '@drover/contracts';
import { Fleet, type FleetPart } from '@drover/testing';
import { createFloor } from './create-floor.js';
import { note, quantile, rounded, timed, type Figure } from './figure.js';
import { costOf } from './process-cost.js';

const HOSTS = 100;
const IN_FLIGHT = 64;
const WARM_UP = 200;
/** `VMS` of the environment says how many, where a run has to be short. */
const VMS = Number(process.env['VMS'] ?? 3000);
/** What the start itself has used is given back by then. */
const SETTLE_MS = 20_000;
const controlPlane: readonly FleetPart[] = ['nats', 'postgres', 'ha-manager', 'scheduler', 'vm-manager', 'api-gateway'];

/**
 * From `POST` to the operation's success, over HTTP, with every service a process of its own; hosts simulated with zero
 * latency, their journals and the event store on disk.
 *
 * What counts is CPU, compared with that of a create that a small program carries out by hand (`hand-written-create.ts`): VMs per
 * second are one machine's, and one day's.
 */
export async function* bench(): AsyncIterable<Figure> {
  note(`starting ${HOSTS} hosts`);
  const fleet = await Fleet.start({ hypervisor: 'simulated', hosts: HOSTS });
  try {
    await delay(SETTLE_MS);
    const idleMiB = residentMiB(fleet);
    await createMany((name) => create(fleet, name), 'warm', WARM_UP);
    const before = cpuSeconds(fleet);
    const latencies: number[] = [];
    const elapsedMs = await timed(async () => {
      latencies.push(...(await createMany((name) => create(fleet, name), 'vm', VMS)));
    });
    const after = cpuSeconds(fleet);
    const perVm = Object.fromEntries(
      [...controlPlane, 'node-agent' as const].map((part) => [
        part,
        rounded(((after[part] ?? 0) - (before[part] ?? 0)) / VMS),
      ]),
    );
    const cpuSecondsPerVm = rounded(controlPlane.reduce((sum, part) => sum + (perVm[part] ?? 0), 0));
    note('the same by hand');
    const floor = await createFloor(HOSTS, VMS, (url, prefix, count) =>
      createMany((name) => createByHand(url, name), prefix, count),
    );
    yield {
      figure: 'create-to-running',
      value: rounded((cpuSecondsPerVm + (perVm['node-agent'] ?? 0)) / floor.cpuSecondsPerVm),
      unit: "times the floor's CPU",
      goal: 3,
      better: 'lower',
      detail: {
        vmsPerSecond: rounded((VMS * 1000) / elapsedMs),
        p50Ms: rounded(quantile(latencies, 0.5)),
        p95Ms: rounded(quantile(latencies, 0.95)),
        p99Ms: rounded(quantile(latencies, 0.99)),
        hosts: HOSTS,
        inFlight: IN_FLIGHT,
        vms: VMS,
        cpuSecondsPerVm,
        cpuSecondsPerVmByPart: perVm,
        floor,
      },
    };
    yield {
      figure: 'idle-memory',
      value: Object.values(idleMiB).reduce((sum, value) => sum + value, 0),
      unit: 'MiB',
      goal: 500,
      better: 'lower',
      detail: { hosts: HOSTS, byPart: idleMiB },
    };
  } finally {
    await fleet.stop();
  }
}

/** Milliseconds each VM took. */
async function createMany(
  create: (name: string) => Promise<void>,
  prefix: string,
  count: number,
): Promise<readonly number[]> {
  const latencies: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const name = `${prefix}-${next}`;
      next += 1;
      latencies.push(await timed(() => create(name)));
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

async function createByHand(url: string, name: string): Promise<void> {
  const body = JSON.stringify({ name, spec: { disks: [{ name: 'root', sizeMiB: 64 }] } });
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const answer = await response.text();
  if (!answer.includes('"observed":"RUNNING"')) throw new Error(`${name}: ${response.status} ${answer}`);
}

function cpuSeconds(fleet: Fleet): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...controlPlane, 'node-agent' as const].map((part) => [part, costOf(fleet.pidOf(part)).cpuSeconds]),
  );
}

function residentMiB(fleet: Fleet): Readonly<Record<string, number>> {
  return Object.fromEntries(controlPlane.map((part) => [part, costOf(fleet.pidOf(part)).residentMiB]));
}
