import { spawn } from 'node:child_process';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  subjectKey,
  vmSubject,
  type HostResource,
  type ModelStatus,
  type OperationResource,
  type StoredEvent,
  type VmId,
  type VmResource,
  type VmWriteAnswer,
} from '@drover/contracts';
import { agentFolderOf } from '@drover/standalone/infrastructure';
import { domainsOf, Fleet } from '@drover/testing';

const program = path.resolve(import.meta.dirname, '../../apps/cli/dist/main.js');

interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

describe('the command line, on two simulated hosts', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated', hosts: 2 });
  }, 120_000);
  afterAll(() => fleet?.stop());

  function begin(words: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [program, ...words], {
      env: {
        PATH: process.env['PATH'],
        HOME: fleet.home.root,
        DROVER_URL: fleet.api.url,
        DROVER_TOKEN: fleet.api.token,
        ...environment,
      },
    });
    const said = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
    const ended = new Promise<Run>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, ...said }));
    });
    return { said, ended, interrupt: () => child.kill('SIGINT') };
  }

  const ctl = (words: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Run> =>
    begin(words, environment).ended;

  async function json<Value>(...words: string[]): Promise<Value> {
    const run = await ctl([...words, '--output', 'json']);
    if (run.status !== 0) throw new Error(`${words.join(' ')} ended with ${run.status}: ${run.err}${run.out}`);
    return JSON.parse(run.out) as Value;
  }

  it('takes a VM through its whole life, and a program can read every answer', async () => {
    const words = ['create', 'cli', '--cpus', '2', '--memory', '256MiB', '--image', 'guest', '--label', 'tier=web'];
    const created = await json<OperationResource>('vms', ...words, '--wait');
    expect(created).toMatchObject({ kind: 'vm.create', state: 'SUCCEEDED', subject: { kind: 'vm', name: 'cli' } });
    const vm = await json<VmResource>('vms', 'get', 'cli');
    expect(vm).toMatchObject({
      observed: { powerState: 'RUNNING' },
      spec: { cpu: { cores: 2 }, memory: { sizeMiB: 256 }, labels: { tier: 'web' } },
    });
    const steps: readonly (readonly string[])[] = [
      ['stop'],
      ['start'],
      ['reboot'],
      ['pause'],
      ['resume'],
      ['reset'],
      ['stop', '--force'],
    ];
    for (const [verb = '', ...options] of steps) {
      expect(await json('vms', verb, 'cli', ...options, '--wait')).toMatchObject({
        kind: `vm.${verb}`,
        state: 'SUCCEEDED',
      });
    }
    expect((await json<VmResource[]>('vms', 'list', '--label', 'tier=web')).map((one) => one.name)).toEqual(['cli']);
    const history = await json<StoredEvent[]>('vms', 'history', 'cli');
    expect(history.filter((event) => event.type === 'OperationSucceeded')).toHaveLength(1 + steps.length);
    expect(await json('vms', 'explain', 'cli')).toMatchObject({
      placement: vm.placement,
      candidates: [{ kind: 'fits' }, { kind: 'fits' }],
    });
    await json('vms', 'delete', 'cli', '--wait');
    expect(await json('vms', 'list')).toEqual([]);
    expect(domainsOf(fleet.home)).toEqual([]);
  });

  it('shows hosts, operations and the cluster', async () => {
    const hosts = await json<HostResource[]>('hosts', 'list');
    expect(hosts.map((host) => host.name)).toEqual(['sim-001', 'sim-002']);
    await json('hosts', 'cordon', 'sim-002');
    expect((await json<HostResource>('hosts', 'get', 'sim-002')).cordon).toMatchObject({ by: 'user' });
    expect(await json('vms', 'create', 'there', '--host', 'sim-001', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    expect((await json<VmResource>('vms', 'get', 'there')).placement?.hostId).toBe(hosts[0]?.id);
    await json('hosts', 'uncordon', 'sim-002');
    const { items } = await json<{ items: OperationResource[] }>('operations', 'list');
    const [newest] = items;
    expect(newest).toMatchObject({ kind: 'vm.create', subject: { kind: 'vm', name: 'there' } });
    expect(await json('operations', 'watch', String(newest?.id))).toMatchObject({ state: 'SUCCEEDED' });
    expect(await json('cluster', 'stats')).toMatchObject({ hosts: { total: 2, alive: 2 }, vms: { total: 1 } });
    const { items: models } = await fleet.api.expectDone<{ items: ModelStatus[] }>('GET', '/admin/models');
    expect(models.map(({ name }) => name)).toContain('vm');
    const rebuilt = models.map(({ name }) => ({ model: name, state: 'SUCCEEDED' }));
    expect(await json('admin', 'rebuild')).toMatchObject(rebuilt);
  });

  it('reads in the next command what the last one wrote, without waiting for the end', async () => {
    const answer = await json<VmWriteAnswer>('vms', 'create', 'quick');
    expect((await json<VmResource>('vms', 'get', 'quick')).id).toBe(answer.vm.id);
  });

  it('shows people a table', async () => {
    const run = await ctl(['vms', 'list']);
    expect(run).toMatchObject({ status: 0, err: '' });
    expect(run.out).toMatch(/NAME\s+OBSERVED\s+DESIRED/);
    expect(run.out).toMatch(/there\s+RUNNING\s+RUNNING/);
  });

  it.each([
    ['0 when it is done', ['vms', 'get', 'there'], {}, 0, ''],
    ['1 when the operation failed', ['vms', 'create', 'giant', '--memory', '900000MiB', '--wait'], {}, 1, ''],
    ['2 when the command line is wrong', ['vms', 'create', 'x', '--cpus', 'many'], {}, 2, 'many'],
    ['2 when there is no such command', ['vms', 'explode'], {}, 2, 'explode'],
    ['3 when the API refuses', ['vms', 'get', 'missing'], {}, 3, 'VM_NOT_FOUND'],
    ['3 when a field is wrong, and names it', ['vms', 'create', 'A_B'], {}, 3, 'NAME: '],
    ['3 when the token is wrong', ['vms', 'list'], { DROVER_TOKEN: 'wrong' }, 3, 'UNAUTHENTICATED'],
    ['4 when no API listens', ['vms', 'list'], { DROVER_URL: 'http://127.0.0.1:9' }, 4, '127.0.0.1:9'],
  ] as const)('ends with status %s', async (_when, words, environment, status, says) => {
    const run = await ctl(words, environment);
    expect({ status: run.status, isSaid: run.err.includes(says) || run.out.includes(says) }).toEqual({
      status,
      isSaid: true,
    });
  });

  it('tails events over a crash of the gateway, also before the first: every one, each once', async () => {
    await json('vms', 'create', 'tailed', '--off', '--wait');
    fleet.freeze('node-agent');
    const answer = await json<VmWriteAnswer>('vms', 'start', 'tailed');
    const tail = begin(['events', 'tail']);
    try {
      const from = await fleet.api.until('the tail has begun', () =>
        Promise.resolve(/events behind position (\d+)/.exec(tail.said.err)?.[1]),
      );
      // With nothing to show yet the gateway dies, and what was begun comes to its end without it.
      await fleet.endPart('api-gateway');
      fleet.thaw('node-agent');
      await fleet.api.until('the VM runs', () =>
        Promise.resolve(
          domainsOf(fleet.home).find(({ title, powerState }) => title === 'tailed' && powerState === 'RUNNING'),
        ),
      );
      expect(tail.said.out).toBe('');
      await fleet.startPart('api-gateway');
      expect(await fleet.api.ended(String(answer.operation?.id))).toMatchObject({ state: 'SUCCEEDED' });
      await fleet.api.until('the tail is back', () =>
        Promise.resolve(tail.said.err.includes('connected again') || undefined),
      );
      await fleet.crash('api-gateway');
      await json('vms', 'delete', 'tailed', '--wait');
      const expected = (await fleet.api.allEvents())
        .map(({ position }) => position)
        .filter((one) => Number(one) > Number(from));
      const shown = () => [...tail.said.out.matchAll(/^ *(\d+) /gm)].map(([, position]) => position);
      await fleet.api.until('the tail has shown the last event', () =>
        Promise.resolve(shown().includes(expected.at(-1)) || undefined),
      );
      expect(shown()).toEqual(expected);
      expect(expected.length).toBeGreaterThan(4);
      expect(tail.said.err.match(/the connection broke/g)).toHaveLength(2);
    } finally {
      fleet.thaw('node-agent');
      tail.interrupt();
    }
    expect((await tail.ended).status).toBe(0);
  });

  it.each([['the VM named'], ['every VM of the host']])(
    'has a host forget the forged order in its journal, of %s, after which true ones are carried out',
    async (which) => {
      const vm = await json<VmResource>('vms', 'get', 'there');
      const host = String(vm.placement?.hostId);
      await forge(host, vm.id);
      const voided = await ctl(['vms', 'reset', 'there', '--wait']);
      expect(voided).toMatchObject({ status: 1, out: expect.stringContaining('SUPERSEDED') });
      expect(await ctl(['hosts', 'forget-orders', host])).toMatchObject({
        ...{ status: 2, err: expect.stringContaining('name the VMs, or say --all') },
      });
      const said = await ctl(['hosts', 'forget-orders', host, ...(which === 'the VM named' ? ['there'] : ['--all'])]);
      expect(said).toMatchObject({ status: 0, out: expect.stringContaining('it knows no newer order than the store') });
      const lowered = (await fleet.api.allEvents()).filter(({ type }) => type === 'VmOrderLoweringRequested');
      expect(lowered.at(-1)).toMatchObject({ data: { hostId: host }, meta: { actor: { kind: 'user' } } });
      expect(await json('vms', 'reset', 'there', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    },
  );

  /** An order that vm-manager never gave stands in the journal of the agent as the newest. */
  async function forge(hostId: string, vmId: VmId): Promise<void> {
    await fleet.endPart('node-agent');
    const journal = new DatabaseSync(path.join(agentFolderOf(fleet.home, 'simulated'), 'simulated-journals.sqlite'));
    const forged = journal.prepare('UPDATE newest SET revision = ? WHERE host_id = ? AND subject = ?');
    expect(forged.run(2_000_000_000, hostId, subjectKey(vmSubject(vmId))).changes).toBe(1);
    journal.close();
    await fleet.startPart('node-agent');
  }

  it('cancels what has not reached its host', async () => {
    await json('vms', 'stop', 'there', '--force', '--wait');
    fleet.freeze('node-agent');
    try {
      const answer = await json<VmWriteAnswer>('vms', 'start', 'there');
      expect(await json('operations', 'cancel', String(answer.operation?.id))).toMatchObject({ state: 'CANCELLED' });
    } finally {
      fleet.thaw('node-agent');
    }
  });
});
