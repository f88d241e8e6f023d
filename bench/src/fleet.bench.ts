import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { OperationResource } from '@drover/contracts';
import type { FleetApi } from '@drover/testing';
import { median, note, quantile, rounded, timed, type Figure } from './figure.js';
import { BenchInstallation, type ByPart } from './installation.js';

const MANY_HOSTS = 2000;
const FEW_HOSTS = 200;
const VMS = 5000;
const IN_FLIGHT = 64;
/** Long enough for several heartbeats, loads and full lists of each host. */
const IDLE_SECONDS = 60;
/** After which what a start or a burst left behind is over. */
const SETTLE_SECONDS = 20;
const LISTINGS = 5;

interface Page {
  readonly items: readonly unknown[];
  readonly next?: string;
}

/** Agents are the hosts' own, and are measured apart. */
const isControlPlane = ([part]: readonly [string, number]) => part !== 'node-agent';
const ofControlPlane = (values: ByPart) =>
  Object.entries(values)
    .filter(isControlPlane)
    .reduce((sum, [, value]) => sum + value, 0);
const roundedAll = (values: ByPart) =>
  Object.fromEntries(Object.entries(values).map(([part, value]) => [part, rounded(value)]));

/** A large fleet of simulated hosts on one machine, as an operator starts it, idle and with VMs. */
export async function* bench(): AsyncIterable<Figure> {
  yield* manyHosts();
  yield* manyVms();
}

async function* manyHosts(): AsyncIterable<Figure> {
  const installation = await BenchInstallation.create();
  const of = { hosts: MANY_HOSTS };
  try {
    note(`starting ${MANY_HOSTS} hosts`);
    const seconds = await installation.up(MANY_HOSTS);
    yield figure('fleet-up', seconds, 's', 60, of);
    yield* idle('fleet-idle', installation, { cpuPercent: 15, memoryMiB: 600 }, of);
    const listings: number[] = [];
    for (let left = LISTINGS; left > 0; left -= 1)
      listings.push(await timed(() => installation.run('ctl', 'hosts', 'list')));
    yield figure('fleet-hosts-list', median(listings), 'ms', 1500, { ...of, command: './drover ctl hosts list' });
    const lost = await installation.logged('lost the lease');
    yield figure('fleet-leases-lost', lost, 'times', 0, of);
  } finally {
    const seconds = await installation.remove();
    yield figure('fleet-down', seconds, 's', 15, of);
  }
}

async function* manyVms(): AsyncIterable<Figure> {
  const installation = await BenchInstallation.create();
  const of = { hosts: FEW_HOSTS, vms: VMS };
  try {
    note(`starting ${FEW_HOSTS} hosts`);
    await installation.up(FEW_HOSTS);
    const api = await installation.api();
    note(`creating ${VMS} VMs`);
    const latencies: number[] = [];
    const createMs = await timed(async () => latencies.push(...(await createMany(api))));
    yield figure('fleet-vms-create-p99', quantile(latencies, 0.99), 'ms', 3000, {
      ...of,
      inFlight: IN_FLIGHT,
      p50Ms: rounded(quantile(latencies, 0.5)),
      vmsPerSecond: rounded((VMS * 1000) / createMs),
    });
    yield* idle('fleet-vms-idle', installation, { cpuPercent: 15, memoryMiB: 900 }, of);
    const pages: number[] = [];
    for (let left = LISTINGS; left > 0; left -= 1) pages.push(await timed(() => listAll(api)));
    yield figure('fleet-vms-list', median(pages), 'ms', 3000, { ...of, what: 'all pages of GET /api/v1/vms' });
  } finally {
    await installation.remove();
  }
}

async function* idle(
  name: string,
  installation: BenchInstallation,
  goals: { readonly cpuPercent: number; readonly memoryMiB: number },
  of: Readonly<Record<string, unknown>>,
): AsyncIterable<Figure> {
  note(`idle for ${SETTLE_SECONDS + IDLE_SECONDS} s`);
  await delay(SETTLE_SECONDS * 1000);
  const { cpuPercent, memoryMiB } = await installation.idleCost(IDLE_SECONDS);
  const cpuDetail = { ...of, byPart: roundedAll(cpuPercent), seconds: IDLE_SECONDS };
  yield figure(`${name}-cpu`, ofControlPlane(cpuPercent), '% of a core', goals.cpuPercent, cpuDetail);
  yield figure(`${name}-memory`, ofControlPlane(memoryMiB), 'MiB', goals.memoryMiB, { ...of, byPart: memoryMiB });
}

/** All of these are better when lower; what else the machine did stands next to each. */
function figure(
  name: string,
  value: number,
  unit: string,
  goal: number,
  detail: Readonly<Record<string, unknown>>,
): Figure {
  const machine = { cores: availableParallelism(), loadAverage: rounded(loadavg()[0] ?? 0) };
  return { figure: name, value: rounded(value), unit, goal, better: 'lower', detail: { ...detail, ...machine } };
}

/** Milliseconds from the request of each VM to its success. */
async function createMany(api: FleetApi): Promise<readonly number[]> {
  const latencies: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < VMS) {
      const name = `vm-${next}`;
      next += 1;
      latencies.push(await timed(() => create(api, name)));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return latencies;
}

async function create(api: FleetApi, name: string): Promise<void> {
  const { operation } = await api.expectDone<{ operation: OperationResource }>('POST', '/vms?wait=60s', {
    name,
    spec: { disks: [{ name: 'root', sizeMiB: 64 }] },
  });
  if (operation.state !== 'SUCCEEDED')
    throw new Error(`${name}: ${operation.state} ${JSON.stringify(operation.error)}`);
}

async function listAll(api: FleetApi): Promise<void> {
  let count = 0;
  let after: string | undefined;
  do {
    const query: string = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const page: Page = await api.expectDone('GET', `/vms?limit=1000${query}`);
    count += page.items.length;
    after = page.next;
  } while (after !== undefined);
  if (count !== VMS) throw new Error(`${count} of ${VMS} VMs were listed`);
}
