/** Live migration between two real daemons on one machine, over a unix socket. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '@drover/testing';
import type { PrivateLibvirtd } from '@drover/testing';
import { domainStates, errorCodes, LibvirtClient, lifecycleEvents, migrateFlags } from '../src/index.js';
import { tinyDomain, uuids } from './tiny-domain.js';
import { until } from './until.js';

const [uuid] = uuids;

let source: PrivateLibvirtd;
let target: PrivateLibvirtd;
let from: LibvirtClient;
let to: LibvirtClient;

beforeAll(async () => {
  [source, target] = await Promise.all([startPrivateLibvirtd(), startPrivateLibvirtd()]);
  from = new LibvirtClient({ socketPath: source.socketPath });
  to = new LibvirtClient({ socketPath: target.socketPath });
  await Promise.all([from.connect(), to.connect()]);
}, 60_000);
afterAll(async () => {
  from.close();
  to.close();
  await Promise.all([source.stop(), target.stop()]);
}, 60_000);

describe('live migration', () => {
  const destination = () => `qemu+unix:///system?socket=${target.socketPath}`;
  const params = () => [
    {
      field: 'migrate_uri',
      type: 'string',
      value: `unix://${path.join(target.dir, 'run', 'migration.sock')}`,
    } as const,
    { field: 'bandwidth', type: 'uhyper', value: 1000 } as const,
  ];

  it('refuses a parameter of the wrong type before it begins', async () => {
    await from.domains.createXml(tinyDomain('tiny', uuid));
    const wrong = [{ field: 'bandwidth', type: 'int', value: 1000 } as const];
    await expect(from.jobs.migrate(uuid, destination(), migrateFlags.live, wrong)).rejects.toMatchObject({
      code: errorCodes.INVALID_ARG,
      outcome: 'not-applied',
    });
    expect((await from.domains.state(uuid)).state).toBe(domainStates.running);
    await from.domains.destroy(uuid);
  }, 60_000);

  it('moves a running domain and tells how it went', async () => {
    const arrived: number[] = [];
    const completed: unknown[] = [];
    await to.on('lifecycle', ({ event }) => arrived.push(event));
    await from.on('jobCompleted', ({ dom, params: values }) => completed.push([dom.uuid, values.length > 0]));
    await from.domains.createXml(tinyDomain('tiny', uuid));
    await from.jobs.migrate(uuid, destination(), migrateFlags.live, params());
    expect(await from.domains.list()).toEqual([]);
    expect((await to.domains.state(uuid)).state).toBe(domainStates.running);
    await until(() => completed.length === 1);
    expect(completed).toEqual([[uuid, true]]);
    await until(() => arrived.includes(lifecycleEvents.resumed));
    await to.domains.destroy(uuid);
  }, 60_000);
});
