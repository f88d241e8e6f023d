/** What breaks, and what must be so all the same: each title names its row of `docs/reference/faults.md`. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationResource, StoredEvent, VmResource, VmWriteAnswer } from '@drover/contracts';
import { domainsOf, Fleet, type ApiAnswer, type FleetApi, type FleetPart } from '@drover/testing';

const HOSTS = 4;
const CREATES = 20;
const STOPS = 10;
/** Answers that are in when the fault comes: the other requests are then on their way. */
const ANSWERED_BEFORE = 8;

describe('faults in the middle of twenty creates and ten stops', () => {
  let fleet: Fleet;
  let api: FleetApi;
  let running: string[] = [];
  /** Where in the store each row began. */
  const began: { readonly row: string; readonly position: number }[] = [];

  beforeAll(async () => {
    fleet = await Fleet.start({
      hypervisor: 'simulated',
      hosts: HOSTS,
      environment: { DROVER_SIMULATED_LATENCY_MS: '100', DROVER_SIMULATED_GUEST_DELAY_MS: '100' },
    });
    api = fleet.api;
    running = (await createMany('seed', STOPS)).map((operation) => operation.subject.name);
  }, 120_000);
  afterAll(() => fleet?.stop());

  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

  async function createMany(prefix: string, count: number): Promise<OperationResource[]> {
    return Promise.all(names(prefix, count).map((name) => api.succeed('POST', '/vms', { name })));
  }

  const faults: readonly (readonly [row: string, part: string, happen: () => Promise<void>])[] = [
    ['node-agent killed', 'node-agent', () => fleet.crash('node-agent')],
    ['vm-manager killed', 'vm-manager', () => fleet.crash('vm-manager')],
    ['scheduler killed', 'scheduler', () => fleet.crash('scheduler')],
    ['ha-manager killed', 'ha-manager', () => fleet.crash('ha-manager')],
    ['api-gateway killed', 'gateway', () => fleet.crash('api-gateway')],
    ['nats-server killed', 'nats', () => fleet.crash('nats')],
    [
      'nats-server killed and its files deleted',
      'nats-wiped',
      async () => {
        await fleet.endPart('nats');
        await fleet.wipeNats();
        await fleet.startPart('nats');
      },
    ],
    ['PostgreSQL killed', 'postgres', () => fleet.crash('postgres')],
    [
      'every part killed at once',
      'all',
      async () => {
        const parts: readonly FleetPart[] = ['api-gateway', 'node-agent', 'vm-manager', 'scheduler', 'ha-manager'];
        await Promise.all([...parts, 'nats' as const, 'postgres' as const].map((part) => fleet.endPart(part)));
        await Promise.all([fleet.startPart('postgres'), fleet.startPart('nats')]);
        await Promise.all(parts.map((part) => fleet.startPart(part)));
      },
    ],
    [
      'every part killed in turn, twice over',
      'storm',
      async () => {
        const parts: readonly FleetPart[] = ['node-agent', 'nats', 'vm-manager', 'postgres', 'scheduler', 'ha-manager'];
        for (const part of [...parts, ...parts]) await fleet.crash(part);
      },
    ],
  ];

  it.each(faults)(
    '%s: every operation ends as it was asked for, nothing is lost or done twice',
    async (row, prefix, happen) => {
      began.push({ row, position: (await api.allEvents()).length });
      const toStop = running.slice(0, STOPS);
      const bootsBefore = new Map(domainsOf(fleet.home).map((domain) => [domain.uuid, domain.boots]));
      const answers: ApiAnswer<VmWriteAnswer>[] = [];
      const enough = Promise.withResolvers<void>();
      const ask = async (method: string, target: string, body: unknown) => {
        const answer = await api.insist<VmWriteAnswer>(method, target, body, randomUUID());
        answers.push(answer);
        if (answers.length >= ANSWERED_BEFORE) enough.resolve();
        return answer;
      };
      const created = names(prefix, CREATES);
      const asked = Promise.all([
        ...created.map((name) => ask('POST', '/vms', { name })),
        ...toStop.map((name) => ask('POST', `/vms/${name}/stop`, { gracePeriodMs: 30_000 })),
      ]);
      await enough.promise;
      await happen();
      expect((await asked).map((answer) => answer.status)).toEqual(Array.from({ length: CREATES + STOPS }, () => 202));

      const operations = await Promise.all(answers.map((answer) => api.ended(String(answer.body.operation?.id))));
      expect(operations.map(({ kind, state, error }) => ({ kind, state, error }))).toEqual(
        operations.map(({ kind }) => ({ kind, state: 'SUCCEEDED', error: null })),
      );

      const domains = domainsOf(fleet.home);
      for (const name of created) {
        const vm = await api.vm(name);
        expect(vm).toMatchObject({ observed: { powerState: 'RUNNING' }, drift: [], operation: null });
        expect((await api.history(name)).map((event) => event.type)).toEqual([
          ...['VmRequested', 'OperationBegan', 'VmPlaced', 'VmDefined', 'VmStarted', 'OperationSucceeded'],
        ]);
        expect(domains.filter((domain) => domain.uuid === vm.id)).toMatchObject([
          { hostId: vm.placement?.hostId, powerState: 'RUNNING', boots: 1 },
        ]);
      }
      for (const name of toStop) {
        const vm = await api.vm(name);
        expect(vm).toMatchObject({ observed: { powerState: 'STOPPED' }, drift: [], operation: null });
        const types = (await api.history(name)).map((event) => event.type);
        expect(types.filter((type) => type === 'VmStopped')).toHaveLength(1);
        expect(domains.filter((domain) => domain.uuid === vm.id)).toMatchObject([
          { powerState: 'STOPPED', boots: bootsBefore.get(vm.id) },
        ]);
      }
      await expectNothingLost(domains.length);
      running = [...running.slice(STOPS), ...created];
    },
  );

  /** Every VM that was ever made is there, once, and the store's order has no gap. */
  async function expectNothingLost(domainCount: number): Promise<void> {
    const { items } = await api.expectDone<{ items: VmResource[] }>('GET', '/vms?limit=1000');
    expect(domainCount).toBe(items.length);
    const events = await api.allEvents();
    expect(events.map((event) => event.position)).toEqual(events.map((_event, index) => String(index + 1)));
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
  }

  it('nats-server or PostgreSQL away: the gateway is alive and not ready', async () => {
    const status = async () => (await fetch(`${api.url}/readyz`)).status;
    for (const part of ['nats', 'postgres'] as const) {
      await fleet.endPart(part);
      try {
        await api.until(`not ready without ${part}`, async () => ((await status()) === 503 ? true : undefined), 20_000);
        expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
      } finally {
        await fleet.startPart(part);
      }
      await api.until(`ready with ${part}`, async () => ((await status()) === 200 ? true : undefined));
    }
    await api.hostsAlive(HOSTS);
  });

  it.each([
    ['nats-server', 'nats', 'MESSAGING_UNAVAILABLE'],
    ['PostgreSQL', 'postgres', 'STORE_UNAVAILABLE'],
  ] as const)('%s away: a command is answered with 503 and never carried out', async (_server, part, code) => {
    await api.succeed('POST', '/vms', { name: `before-${part}` });
    await fleet.endPart(part);
    let refused: ApiAnswer;
    try {
      refused = await api.send('POST', '/vms', { name: `without-${part}` });
    } finally {
      await fleet.startPart(part);
    }
    expect(refused).toMatchObject({ status: 503, body: { code } });
    await api.until('commands are taken again', async () =>
      (await api.send('POST', '/vms', { name: `after-${part}` })).status === 202 ? true : undefined,
    );
    expect((await api.send('GET', `/vms/without-${part}`)).status).toBe(404);
  });

  it.each([['api-gateway'], ['vm-manager']] as const)(
    'same Idempotency-Key, %s killed in between: one VM',
    async (part) => {
      const key = randomUUID();
      const body = { name: `once-${part}` };
      // No client hears the first answer: the request may have arrived or not.
      const first = api.send<VmWriteAnswer>('POST', '/vms', body, { 'idempotency-key': key }).catch(() => undefined);
      await fleet.crash(part);
      await first;
      const second = await api.insist<VmWriteAnswer>('POST', '/vms', body, key);
      await fleet.crash(part);
      const third = await api.insist<VmWriteAnswer>('POST', '/vms', body, key);
      expect(second.status).toBe(202);
      expect(third.body).toEqual(second.body);
      expect((await api.ended(String(second.body.operation?.id))).state).toBe('SUCCEEDED');
      const { items } = await api.expectDone<{ items: VmResource[] }>('GET', `/vms?name=once-${part}`);
      expect(items.map((vm) => vm.id)).toEqual([second.body.vm.id]);
      expect(domainsOf(fleet.home).filter((domain) => domain.title === `once-${part}`)).toHaveLength(1);
    },
  );

  it('outages of the control plane: no host is suspected for a silence that is not its own', async () => {
    await api.hostsAlive(HOSTS);
    const suspected = (await api.allEvents()).filter((event) => event.type === 'HostSuspected');
    const rows = suspected.map(({ position }) => began.findLast((one) => one.position < Number(position))?.row);
    expect(rows.filter((row) => row === undefined || !/node-agent|every part/.test(row))).toEqual([]);
  });

  it('node-agent frozen: its hosts are suspected, nothing is moved, and they return', async () => {
    const before = (await api.allEvents()).length;
    const domains = domainsOf(fleet.home);
    const since = async (type: string) =>
      (await api.allEvents()).slice(before).filter((event: StoredEvent) => event.type === type);
    fleet.freeze('node-agent');
    try {
      await api.until('all hosts are suspected', async () => {
        const { items } = await api.expectDone<{ items: unknown[] }>('GET', '/hosts?liveness=SUSPECTED');
        return items.length === HOSTS ? true : undefined;
      });
      expect(await since('HostSuspected')).toHaveLength(HOSTS);
      const placed = await api.ended(await api.begin('POST', '/vms', { name: 'too-early' }));
      expect(placed).toMatchObject({ state: 'FAILED', error: { code: 'NO_HOST_FITS' } });
    } finally {
      fleet.thaw('node-agent');
    }
    await api.hostsAlive(HOSTS);
    expect(await since('HostReturned')).toHaveLength(HOSTS);
    expect(domainsOf(fleet.home)).toEqual(domains);
    const types = new Set((await api.allEvents()).slice(before).map((event) => event.type));
    expect([...types].filter((type) => type === 'VmStarted' || type === 'VmStopped')).toEqual([]);
  });
});
