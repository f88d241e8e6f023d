import type { z } from 'zod';
import { vmVerbNames, vmVerbs } from '../commands/vm-verbs.schema.js';
import { replySchema } from '../reply.schema.js';
import { hostOrderAnswerSchema, hostRequestSchema, sentOrderSchema } from './host-order.schema.js';
import { heartbeatAnswerSchema, heartbeatSchema } from './heartbeat.schema.js';
import {
  hostLaneMessageSchema,
  hostLoadSchema,
  hostReportSchema,
  leftSchema,
  registrationAnswerSchema,
  reportsAcknowledgedSchema,
  vmLaneMessageSchema,
  vmReportSchema,
  orderTableSchema,
} from './report.schema.js';

const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const at = '2026-01-01T08:00:00.000Z';
const generation = { epoch: 1, n: 1 };
const [vmId, hostId, orderId, operationId, fleetId] = [id(1), id(2), id(3), id(4), id(5)];
const fingerprint = 'a'.repeat(64);
const settled = {
  machineType: 'pc-q35-7.2',
  cpuModel: 'qemu64',
  accelerator: 'kvm',
  nics: [],
  disks: [{ name: 'root', serial: 's', target: 'vda', pool: 'default', volume: 'root' }],
  fingerprint,
};
const inventory = {
  name: 'host-1',
  machineId: '0'.repeat(32),
  hypervisor: 'libvirt',
  accelerator: 'kvm',
  architecture: 'x86_64',
  cpu: { model: 'test', flags: [], sockets: 1, coresPerSocket: 8, threadsPerCore: 1, count: 8, mhz: 2000 },
  memoryMiB: 16_384,
  reservedMemoryMiB: 1_024,
  hugePagesMiB: 0,
  numa: [],
  pciDevices: [],
  gpus: [],
  pools: [{ name: 'default', type: 'dir', capacityMiB: 100_000, availableMiB: 50_000 }],
  networks: ['default'],
  images: [],
};
const subject = { kind: 'vm', id: vmId };
const finished = { kind: 'order-finished', orderId, subject, operationId, generation, revision: 2 };
const image = { kind: 'image', id: id(6) };
const contents = { digest: `sha256:${fingerprint}`, format: 'qcow2', virtualSizeBytes: 67_108_864, fileBytes: 2_048 };
const inspected = { kind: 'image-inspected', orderId, subject: image, operationId };
const order = { orderId, subject, operationId, generation, revision: 2, ttlMs: 60_000 };
const definition = { projectId: 'default', name: 'web', spec: {} };
const domain = { libvirtUuid: vmId, title: 'web', powerState: 'RUNNING', vcpus: 1, memoryMiB: 128 };

/** Each as its schema reads it, defaults filled in: what this release writes. */
function samples<Schema extends z.ZodType>(
  schema: Schema,
  ...messages: readonly object[]
): readonly z.output<Schema>[] {
  return messages.map((message) => schema.parse(message));
}

/** One message of each kind between control plane and agents, for the specs that read the versions of the protocol. */
export const protocolSamples = {
  vmReport: samples(
    vmReportSchema,
    { ...finished, powerState: 'RUNNING', result: { kind: 'done', wasForced: false, definition: settled } },
    {
      ...finished,
      powerState: 'ABSENT',
      result: {
        kind: 'failed',
        step: 'define',
        error: { code: 'HOST_FULL', outcome: 'not-applied', detail: 'no room', data: { freeMiB: 1 } },
        undone: ['create-volumes'],
        left: [],
      },
    },
    { ...finished, powerState: 'STOPPED', result: { kind: 'superseded' } },
    { kind: 'vm-changed', subject, generation, powerState: 'RUNNING', change: 'rebooted', cause: 'guest', count: 3 },
    { kind: 'vm-state', subject, orderId, underWay: 'undoing', powerState: 'RUNNING', generation, definition: settled },
    {
      kind: 'full-list',
      part: 0,
      isLast: true,
      domains: [domain, { ...domain, ours: { vmId, generation, lastOrderId: orderId, fingerprint } }],
      busy: [vmId],
    },
    { ...inspected, result: { kind: 'done', contents } },
    { ...inspected, result: { kind: 'failed', error: { code: 'IMAGE_REFUSED', detail: 'it has a backing file' } } },
  ),
  hostReport: samples(hostReportSchema, { kind: 'inventory-changed', inventory }),
  vmLane: samples(
    vmLaneMessageSchema,
    { kind: 'open', hostId, journalEpoch: 1, nonce: 'n', lastSequence: 7, underWay: [subject] },
    { kind: 'reports', hostId, journalEpoch: 1, reports: [{ sequence: 8, at, report: { kind: 'any' } }], waiting: 3 },
  ),
  hostLane: samples(
    hostLaneMessageSchema,
    {
      kind: 'register',
      hostId,
      inventory,
      journalId: 'journal',
      bootNonce: 'boot',
      hostBootId: 'host-boot',
      fleetId,
      agentVersion: '0.1.0',
      protocolVersion: 1,
      capabilities: ['vm.lifecycle'],
      lastSequence: 7,
      reportsThrough: 7,
    },
    { kind: 'leaving', hostId, bootNonce: 'boot' },
    { kind: 'reports', hostId, journalEpoch: 1, reports: [{ sequence: 8, at, report: { kind: 'any' } }] },
  ),
  reply: samples(
    replySchema,
    { ok: true, value: { kind: 'taken' } },
    {
      ok: false,
      kind: 'rejection',
      error: { code: 'INVALID_FIELD', detail: 'it is too long', field: '/name', data: { longestReservationMs: 1 } },
    },
    {
      ok: false,
      kind: 'fault',
      error: { code: 'TIMED_OUT', outcome: 'unknown', detail: 'no answer in time', data: {} },
    },
    { ok: false, kind: 'defect', error: { code: 'INTERNAL', outcome: 'unknown', detail: 'a mistake' } },
  ),
  heartbeat: samples(heartbeatSchema, { sequence: 1, bootNonce: 'boot' }),
  load: samples(hostLoadSchema, {
    hostId,
    at,
    cpuUsedMillicores: 100,
    memoryUsedMiB: 1_000,
    pools: [{ name: 'default', capacityMiB: 100_000, availableMiB: 50_000 }],
    vms: [{ vmId, cpuMillicores: 50, memoryMiB: 128 }],
  }),
  order: samples(
    sentOrderSchema,
    ...samples(
      hostRequestSchema,
      { ...order, ...definition, kind: 'create', powerOn: true },
      ...vmVerbNames.map((verb) => ({
        ...order,
        ...vmVerbs[verb].request.parse(vmVerbs[verb].example),
        ...(verb === 'start' ? { ...definition, settled } : {}),
      })),
      { ...order, subject: image, kind: 'inspect-image', name: 'debian-13' },
      { kind: 'look', subject, orderId },
      { kind: 'lower', subject, from: { generation, revision: 2_147_483_647 }, to: { generation, revision: 3 } },
    ).map((sent) => ({ journalEpoch: 1, order: sent })),
  ),
  orderAnswer: samples(
    hostOrderAnswerSchema,
    { kind: 'taken' },
    { kind: 'superseded', newest: { generation, revision: 3 } },
    { kind: 'unsettled', newest: { generation, revision: 4 } },
    { kind: 'table-needed' },
    { kind: 'other-journal' },
    { kind: 'expired' },
    { kind: 'refused', code: 'PROTOCOL_UNSUPPORTED', detail: '/kind: unknown' },
  ),
  table: samples(orderTableSchema, { kind: 'table', nonce: 'n', newest: { vm: [[vmId, 1, 1, 3]] } }),
  acknowledged: samples(reportsAcknowledgedSchema, { kind: 'acknowledged', throughSequence: 8 }),
  registrationAnswer: samples(
    registrationAnswerSchema,
    {
      kind: 'registered',
      fleetId,
      storeEpoch: 1,
      journalEpoch: 1,
      heartbeatIntervalMs: 1_000,
      isCordoned: false,
    },
    { kind: 'inventory-needed' },
  ),
  left: samples(leftSchema, { kind: 'left' }),
  heartbeatAnswer: samples(heartbeatAnswerSchema, {
    term: 1,
    sequence: 1,
    membershipVersion: 1,
    nextIntervalMs: 1_000,
    mustRegister: false,
  }),
} as const;
