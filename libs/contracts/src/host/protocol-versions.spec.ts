import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { errorCatalogue } from '../errors/catalogue.errors.js';
import { loosely } from '../loose.codec.js';
import { hostOrderAnswerSchema, hostRequestSchema, sentOrderSchema } from './host-order.schema.js';
import { protocolSamples } from './protocol-samples.fixture.js';
import { readReply } from '../reply.codec.js';
import { replySchema } from '../reply.schema.js';
import { readVmReport, vmLaneMessageReader } from './report.codec.js';
import { heartbeatAnswerSchema, heartbeatSchema } from './heartbeat.schema.js';
import {
  HOST_PROTOCOL_VERSION,
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

/**
 * The protocol between control plane and agents, version by version. The file of a version is frozen once that version has been
 * released: what it says is what agents and services of that release send and read.
 */
const schemas = {
  vmReport: vmReportSchema,
  hostReport: hostReportSchema,
  vmLane: vmLaneMessageSchema,
  hostLane: hostLaneMessageSchema,
  heartbeat: heartbeatSchema,
  load: hostLoadSchema,
  order: sentOrderSchema,
  orderAnswer: hostOrderAnswerSchema,
  table: orderTableSchema,
  acknowledged: reportsAcknowledgedSchema,
  registrationAnswer: registrationAnswerSchema,
  left: leftSchema,
  heartbeatAnswer: heartbeatAnswerSchema,
  reply: replySchema,
} as const satisfies Record<string, z.ZodType>;
type Name = keyof typeof schemas;
const names = Object.keys(schemas) as Name[];

interface Frozen {
  readonly schemas: Readonly<Record<string, z.core.JSONSchema.JSONSchema>>;
  readonly messages: Readonly<Record<string, readonly unknown[]>>;
}

const folder = new URL('../../fixtures/protocol/', import.meta.url);
const fileOf = (version: number) => new URL(`v${version}.json`, folder);
const frozen = (version: number) => JSON.parse(readFileSync(fileOf(version), 'utf8')) as Frozen;
function today(): Frozen {
  const toJson = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return JSON.parse(
    JSON.stringify({
      schemas: Object.fromEntries(names.map((name) => [name, toJson(schemas[name])])),
      messages: protocolSamples,
    }),
  ) as Frozen;
}

/** Reports and answers are read loosely, orders strictly: as the services and the agent do. */
function readToday(name: Name, message: unknown): unknown {
  if (name === 'vmReport') return readVmReport(message);
  if (name === 'reply') return readReply(message).data;
  return (name === 'order' ? schemas[name] : loosely(schemas[name] as z.ZodType)).parse(message);
}

// While a version has not been released, its file is written anew with DROVER_UPDATE=1 where the protocol has changed.
if (process.env['DROVER_UPDATE'] === '1') {
  writeFileSync(fileOf(HOST_PROTOCOL_VERSION), `${JSON.stringify(today(), null, 2)}\n`);
}
const versions = readdirSync(folder).map((file) => Number(/^v(\d+)\.json$/.exec(file)?.[1]));

describe('the protocol of this release', () => {
  it('has a file of its own version', () => {
    expect(versions).toContain(HOST_PROTOCOL_VERSION);
  });

  it('has a sample of each message', () => {
    for (const name of names) expect(protocolSamples[name].length).toBeGreaterThan(0);
    const kinds = (list: readonly object[]) => new Set(list.map((message) => Reflect.get(message, 'kind') as string));
    for (const name of ['vmReport', 'vmLane', 'hostLane', 'orderAnswer', 'hostReport', 'registrationAnswer'] as const) {
      const known = schemas[name].options.map((option) => option.shape.kind.value);
      expect([...kinds(protocolSamples[name])].sort()).toEqual([...new Set<string>(known)].sort());
    }
    const orders = hostRequestSchema.options.map((option) => option.shape.kind.value);
    expect(kinds(protocolSamples.order.map(({ order }) => order))).toEqual(new Set<string>(orders));
  });
});

describe.each(versions.filter((version) => version >= HOST_PROTOCOL_VERSION - 1))(
  'version %i of the protocol',
  (version) => {
    it.each(names)('is read by this release: %s', (name) => {
      for (const message of frozen(version).messages[name] ?? []) expect(readToday(name, message)).toEqual(message);
    });

    it('is checked as strictly as it was: an order with another field is refused, a report without one it needs as well', () => {
      const { schemas: theirs } = frozen(version);
      const [sent] = protocolSamples.order;
      const [report] = protocolSamples.vmReport;
      const strict = z.fromJSONSchema(theirs['order'] ?? {});
      expect(strict.safeParse({ ...sent, zNew: 1 }).success).toBe(false);
      expect(strict.safeParse({ ...sent, order: { ...sent?.order, zNew: 1 } }).success).toBe(false);
      const needy = loosely(z.fromJSONSchema(theirs['vmReport'] ?? {}));
      expect(needy.safeParse({ ...report, zNew: 1 }).success).toBe(true);
      expect(needy.safeParse({ ...report, subject: undefined }).success).toBe(false);
    });

    it.each(names)('reads what this release writes: %s', (name) => {
      const json = frozen(version).schemas[name];
      if (json === undefined) return;
      const theirs = z.fromJSONSchema(json);
      const reader = name === 'order' ? theirs : loosely(theirs);
      for (const message of today().messages[name] ?? [])
        expect(reader.safeParse(message)).toMatchObject({ success: true });
    });
  },
);

describe('what a newer release writes', () => {
  const newer = (message: unknown): unknown =>
    Array.isArray(message)
      ? message.map(newer)
      : typeof message === 'object' && message !== null
        ? Object.fromEntries([...Object.entries(message).map(([key, value]) => [key, newer(value)]), ['zNew', 1]])
        : message;

  it.each(names.filter((name) => name !== 'order' && name !== 'vmLane' && name !== 'hostLane'))(
    'is read without what is new in it: %s',
    (name) => {
      for (const message of protocolSamples[name]) {
        const read = JSON.stringify(readToday(name, { ...message, zNew: { deep: [1] } }));
        expect(JSON.parse(read)).toEqual(JSON.parse(JSON.stringify(message)));
      }
    },
  );

  it('is dropped however deep it stands', () => {
    const [list] = protocolSamples.vmReport.filter(({ kind }) => kind === 'full-list');
    expect(readVmReport(newer(list))).toEqual(list);
  });

  it('is refused in an order, where it may change what is to be done', () => {
    for (const sent of protocolSamples.order) {
      expect(sentOrderSchema.safeParse({ ...sent, zNew: 1 }).success).toBe(false);
      expect(sentOrderSchema.safeParse({ ...sent, order: { ...sent.order, zNew: 1 } }).success).toBe(false);
    }
  });

  it.each([
    ['rejection', {}, 'REFUSED_BY_NEWER_RELEASE'],
    ['fault', { outcome: 'not-applied' }, 'FAILED_AT_NEWER_RELEASE'],
    ['defect', { outcome: 'unknown' }, 'INTERNAL'],
  ] as const)('keeps its kind in a reply with an unknown code: %s', (kind, outcome, code) => {
    const error = { code: 'DISK_ON_FIRE', ...outcome, detail: 'hot', data: { celsius: 300 } };
    const reply = newer({ ok: false, kind, error: { ...error, data: undefined } });
    expect(readReply(reply).data).toEqual({
      ok: false,
      kind,
      error: { ...outcome, code, detail: 'DISK_ON_FIRE: hot' },
    });
    expect(readReply({ ok: false, kind, error }).data).toMatchObject({ kind, error: { data: { celsius: 300 } } });
    expect(errorCatalogue[code].kind).toBe(kind);
  });

  it('is no reply where it says neither what was done nor how it failed', () => {
    expect(readReply({ ok: false, kind: 'tea', error: { code: 'INTERNAL', detail: '' } }).success).toBe(false);
    expect(readReply({ ok: false, kind: 'fault', error: { code: 7, detail: '' } }).success).toBe(false);
    expect(readReply('ok').success).toBe(false);
  });

  it('ends the order all the same: an unknown code, state or result', () => {
    const failed = protocolSamples.vmReport.find(
      (report) => report.kind === 'order-finished' && report.result.kind === 'failed',
    );
    if (failed?.kind !== 'order-finished' || failed.result.kind !== 'failed') throw new Error('no sample');
    const { result } = failed;
    const odd = {
      ...failed,
      powerState: 'HIBERNATED',
      result: { ...result, error: { code: 'DISK_ON_FIRE', detail: 'hot' } },
    };
    expect(readVmReport(odd)).toEqual({
      ...failed,
      powerState: 'UNRESPONSIVE',
      result: { ...result, error: { code: 'INTERNAL', detail: 'DISK_ON_FIRE: hot' } },
    });
    expect(readVmReport({ ...failed, result: { kind: 'half-done' } })).toMatchObject({
      orderId: failed.orderId,
      result: { kind: 'failed', error: { code: 'INTERNAL' } },
    });
    expect(readVmReport({ kind: 'tea', orderId: failed.orderId })).toBeUndefined();
  });

  it('leaves what the agent is at to its end, where that is told in an unknown word', () => {
    const state = protocolSamples.vmReport.find(({ kind }) => kind === 'vm-state');
    expect(readVmReport({ ...state, underWay: 'waiting for the moon' })).toEqual({ ...state, underWay: 'undoing' });
  });

  it.each([
    ['RUNNING', 'started'],
    ['PAUSED', 'paused'],
    ['STOPPED', 'stopped'],
    ['CRASHED', 'crashed'],
    ['ABSENT', 'removed'],
  ])('tells by the power state what has changed in an unknown way: %s', (powerState, change) => {
    const changed = { ...protocolSamples.vmReport.find(({ kind }) => kind === 'vm-changed'), powerState };
    expect(readVmReport({ ...changed, change: 'teleported' })).toEqual({ ...changed, change });
    expect(readVmReport({ ...changed, powerState: 'DREAMING', change: 'teleported' })).toBeUndefined();
  });

  it('loses nothing of a full list but what one domain tells in unknown words', () => {
    const [list] = protocolSamples.vmReport.filter(({ kind }) => kind === 'full-list');
    if (list?.kind !== 'full-list') throw new Error('no sample');
    const [domain] = list.domains;
    const missing = { kind: 'missing', detail: 'gone' };
    const odd = {
      ...domain,
      powerState: 'HIBERNATED',
      stopCause: 'boredom',
      volumeProblems: [{ kind: 'too-green', detail: '#0f0' }, missing],
    };
    expect(readVmReport({ ...list, domains: [odd, ...list.domains] })).toEqual({
      ...list,
      domains: [
        { ...domain, powerState: 'UNRESPONSIVE', stopCause: undefined, volumeProblems: [missing] },
        ...list.domains,
      ],
    });
  });

  it('opens the lane of a host that works on things of kinds that are not known', () => {
    const [open] = protocolSamples.vmLane.filter(({ kind }) => kind === 'open');
    if (open?.kind !== 'open') throw new Error('no sample');
    const underWay = [{ kind: 'volume', id: 'v', pool: 'p' }, ...(open.underWay ?? [])];
    expect(vmLaneMessageReader.parse({ ...open, underWay })).toEqual(open);
    expect(vmLaneMessageReader.safeParse({ ...open, underWay: [{ kind: 'vm', id: 'no id' }] }).success).toBe(false);
    expect(vmLaneMessageReader.safeParse('nonsense').success).toBe(false);
  });
});
