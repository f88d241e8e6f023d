/** Whose volumes are on a real host, and what becomes of them: each title names its row of `docs/reference/faults.md`. */
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VmSpecInput } from '@drover/contracts';
import { RealHost } from './real-host.runner.js';

const spec: VmSpecInput = {
  memory: { sizeMiB: 32 },
  disks: [
    { name: 'first', sizeMiB: 1 },
    { name: 'second', sizeMiB: 1 },
  ],
};

describe('volumes on a real host', () => {
  let host: RealHost;

  beforeAll(async () => {
    host = await RealHost.start({ environment: { DROVER_NODE_AGENT_FULL_LIST_INTERVAL_MS: '1000' } });
  }, 240_000);
  afterAll(() => host?.stop());

  const fileOf = (vmId: string, disk: string) => path.join(host.fleet.home.poolFolder, `${vmId}-${disk}.qcow2`);
  const isThere = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );

  it('foreign file in the way of a create on a real host: it is untouched, and what the create made is gone', async () => {
    // The command waits for an agent that takes it only when the file is there.
    host.fleet.freeze('node-agent');
    const begun = await host.api.begin('POST', '/vms', { name: 'in-the-way', spec });
    const { id } = await host.api.vmUntil('in-the-way', ({ placement }) => placement !== null);
    await writeFile(fileOf(id, 'second'), 'not ours');
    host.fleet.thaw('node-agent');
    expect(await host.api.ended(begun)).toMatchObject({
      state: 'FAILED',
      error: { code: 'VOLUME_FOREIGN', step: 'create-volumes' },
      left: [],
    });
    expect(await host.typesOf(id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlaced', 'OperationFailed', 'VmDeleted'],
    ]);
    expect(await readFile(fileOf(id, 'second'), 'utf8')).toBe('not ours');
    expect(await isThere(fileOf(id, 'first'))).toBe(false);
    await host.api.hostsAlive(1);
  }, 60_000);

  it('pool away during a delete: the delete says what is left, and that goes when the pool is back', async () => {
    const { id } = await host.create('left', spec);
    await host.api.succeed('POST', '/vms/left/stop', { mode: 'force' });
    const { poolFolder } = host.fleet.home;
    await rename(poolFolder, `${poolFolder}.away`);
    const operation = await host.end('DELETE', '/vms/left');
    expect(operation).toMatchObject({
      state: 'SUCCEEDED',
      left: [/first/, /second/].map((name) => expect.stringMatching(name)),
    });
    expect((await host.api.send('GET', '/vms/left')).status).toBe(404);
    await rename(`${poolFolder}.away`, poolFolder);
    await host.api.until('the volumes are gone', async () =>
      (await isThere(fileOf(id, 'first'))) || (await isThere(fileOf(id, 'second'))) ? undefined : true,
    );
  }, 120_000);

  it('volume missing at a start: the start fails and names it, and it is drift until it is back', async () => {
    const { id } = await host.create('lost', spec);
    await host.api.succeed('POST', '/vms/lost/stop', { mode: 'force' });
    const file = fileOf(id, 'first');
    await rename(file, `${file}.away`);
    const isDrift = ({ drift }: { readonly drift: readonly { readonly kind: string }[] }) =>
      drift.some(({ kind }) => kind === 'volume-missing');
    await host.api.vmUntil('lost', isDrift);
    expect(await host.end('POST', '/vms/lost/start')).toMatchObject({
      state: 'FAILED',
      error: { code: 'VOLUME_MISSING', detail: expect.stringContaining(file) },
    });
    await rename(`${file}.away`, file);
    await host.api.vmUntil('lost', (vm) => !isDrift(vm));
    await host.api.succeed('POST', '/vms/lost/start');
    await host.api.succeed('DELETE', '/vms/lost');
    expect(await isThere(file)).toBe(false);
    await rm(file, { force: true });
  }, 120_000);
});
