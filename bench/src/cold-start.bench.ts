import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventIdSchema, kindOfStream, vmKind, type NewEvent, type StoredEvent } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { openPostgresEventStore } from '@drover/event-store';
import { Fleet } from '@drover/testing';
import pg from 'pg';
import { note, rounded, type Figure } from './figure.js';
import { costOf } from './process-cost.js';

const VMS = 10_000;
const ROUNDS = 3;
const PATIENCE_MS = 120_000;
const ACTIVE = '"message":"this replica is the active one"';

/**
 * From the start of vm-manager's process until it takes commands, over a store of 10,000 VMs with ten events each: what a VM
 * leaves that is created, stopped and started. Once by reading every event, then from the snapshot that it saved.
 */
export async function* bench(): AsyncIterable<Figure> {
  note('starting one host');
  const fleet = await Fleet.start({ hypervisor: 'simulated', hosts: 1 });
  try {
    const life = await lifeOfOneVm(fleet);
    for (const part of ['api-gateway', 'node-agent', 'scheduler', 'ha-manager', 'vm-manager'] as const) {
      await fleet.endPart(part, 'SIGTERM');
    }
    const head = await fill(fleet, life);
    const reading = await startOnce(fleet);
    note(`read every event in ${reading.seconds} s; waiting for the snapshot`);
    await snapshotAt(fleet, head);
    const starts = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await fleet.endPart('vm-manager', 'SIGTERM');
      starts.push(await startOnce(fleet));
      note(`from the snapshot: ${JSON.stringify(starts.at(-1))}`);
    }
    const best = starts.reduce((a, b) => (a.seconds <= b.seconds ? a : b));
    yield {
      figure: 'vm-manager-cold-start',
      value: best.seconds,
      unit: 's',
      goal: 3,
      better: 'lower',
      detail: { vms: VMS, events: VMS * life.length, fromSnapshot: starts, readingEveryEvent: reading },
    };
  } finally {
    await fleet.stop();
  }
}

/** The events of a VM that was created, stopped and started by its API. */
async function lifeOfOneVm({ api }: Fleet): Promise<readonly StoredEvent[]> {
  await api.succeed('POST', '/vms', { name: 'vm', spec: { disks: [{ name: 'root', sizeMiB: 64 }] } });
  await api.succeed('POST', '/vms/vm/stop', { mode: 'force' });
  const events = await api.history('vm');
  if (events.length !== 10) throw new Error(`a life has ten events: ${events.map(({ type }) => type).join(', ')}`);
  return events;
}

/** Gives each VM the life of the first, under ids of its own. Resolves to the newest position. */
async function fill(fleet: Fleet, life: readonly StoredEvent[]): Promise<string> {
  const store = await openPostgresEventStore({ connectionString: fleet.databaseUrl });
  try {
    for (let first = 1; first < VMS; first += 500) {
      const batch = Array.from({ length: Math.min(500, VMS - first) }, (_, index) => `vm-${first + index}`);
      await Promise.all(
        batch.map(async (name) => {
          const { stream, events } = copyOf(life, name);
          const result = await store.append(stream, 'no-stream', events);
          if (result.kind === 'conflict') throw new Error(`${stream} is there already`);
        }),
      );
    }
    return await store.head();
  } finally {
    await store.close();
  }
}

function copyOf(life: readonly StoredEvent[], name: string): { stream: string; events: readonly NewEvent[] } {
  const operations = new Set(life.flatMap(({ meta }) => meta.operationId ?? []));
  const [{ stream } = { stream: '' }] = life;
  const ids = [stream.slice(`${vmKind.name}-`.length), ...operations, ...life.map(({ id }) => id)];
  let text = JSON.stringify(life).replaceAll('"name":"vm"', `"name":"${name}"`);
  for (const id of ids) text = text.replaceAll(id, derivedId(id, name));
  const copies = JSON.parse(text) as readonly StoredEvent[];
  const [copy = { stream: '' }] = copies;
  if (kindOfStream(copy.stream) !== vmKind.name) throw new Error(`not the stream of a VM: ${copy.stream}`);
  const events = copies.map(({ id, type, schemaVersion, data, meta }) => ({
    ...{ id: eventIdSchema.parse(id), type, schemaVersion, data, meta },
  }));
  return { stream: copy.stream, events };
}

interface Start {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

async function startOnce(fleet: Fleet): Promise<Start> {
  const log = path.join(fleet.home.logFolder, 'vm-manager.log');
  const terms = async () => (await readFile(log, 'utf8')).split(ACTIVE).length - 1;
  const before = await terms();
  const beganAt = performance.now();
  await fleet.startPart('vm-manager');
  await until('vm-manager is the active replica', async () => (await terms()) > before, 10);
  const seconds = rounded((performance.now() - beganAt) / 1000);
  return { seconds, ...costOf(fleet.pidOf('vm-manager')) };
}

async function snapshotAt(fleet: Fleet, head: string): Promise<void> {
  const client = new pg.Client({ connectionString: fleet.databaseUrl });
  await client.connect();
  try {
    await until(`a snapshot stands at ${head}`, async () => {
      const { rows } = await client.query<{ position: string }>(
        `SELECT position FROM event_store.fold_snapshots WHERE service = 'vm-manager'`,
      );
      return rows.some(({ position }) => position === head);
    });
  } finally {
    await client.end();
  }
}

async function until(what: string, isSo: () => Promise<boolean>, pauseMs = 250): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await delay(pauseMs)) {
    if (await isSo()) return;
  }
  throw new Error(`still not so after ${PATIENCE_MS} ms: ${what}`);
}
