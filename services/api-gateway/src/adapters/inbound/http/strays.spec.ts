import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { strayPageSchema, type HostId } from '@drover/contracts';
import { strayFound, vmIdOf } from '../../../testing/fleet-story.js';
import { createMemoryGateway, READER_TOKEN, type MemoryGateway } from '../../../testing/memory-gateway.js';

describe('the list of strays', () => {
  let gateway: MemoryGateway;
  let h1: HostId;
  beforeEach(async () => {
    gateway = await createMemoryGateway();
    h1 = await gateway.story.host('h1');
    const h2 = await gateway.story.host('h2');
    for (const [host, vm, kind] of [
      [h1, 'a', 'unknown'],
      [h1, 'b', 'deleted'],
      [h2, 'a', 'unknown'],
    ] as const) {
      await gateway.story.onStrays(host, strayFound(vmIdOf(vm), gateway.story.seen(host).source, kind));
    }
  });
  afterEach(() => gateway.stop());

  const list = async (query = '') => {
    const answer = await gateway.ask({ method: 'GET', url: `/api/v1/strays${query}` });
    expect(answer.statusCode).toBe(200);
    return strayPageSchema.parse(answer.json()).items;
  };

  it('says of each host what it has, since when, and what a person does about it there', async () => {
    const ofH1 = (await list()).find(({ id }) => id === h1);
    expect(ofH1).toMatchObject({ name: 'h1', leftOut: 0 });
    expect(ofH1?.strays).toMatchObject([
      { vmId: vmIdOf('a'), kind: 'unknown', remedy: { why: expect.stringContaining('never requested') } },
      { vmId: vmIdOf('b'), kind: 'deleted', remedy: { why: expect.stringContaining('has been deleted') } },
    ]);
    expect(ofH1?.strays[0]?.remedy.commands.map(({ command }) => command)).toEqual([
      `virsh domblklist ${vmIdOf('a')}`,
      `virsh destroy ${vmIdOf('a')}`,
      `virsh undefine ${vmIdOf('a')} --nvram`,
    ]);
  });

  it('is of one host, or of one VM on every host that has it', async () => {
    expect((await list(`?host=${h1}`)).map(({ name, strays }) => [name, strays.length])).toEqual([['h1', 2]]);
    const ofVm = await list(`?vm=${vmIdOf('a')}`);
    expect(ofVm.map(({ name, strays }) => [name, strays.map(({ vmId }) => vmId)]).sort()).toEqual([
      ['h1', [vmIdOf('a')]],
      ['h2', [vmIdOf('a')]],
    ]);
    expect(await list(`?vm=${vmIdOf('c')}`)).toEqual([]);
  });

  it('is for those who may read hosts', async () => {
    const headers = { authorization: `Bearer ${READER_TOKEN}` };
    const answer = await gateway.ask({ method: 'GET', url: '/api/v1/strays', headers });
    expect(answer.statusCode).toBe(403);
  });

  it('refuses a VM that is not named by its id', async () => {
    const answer = await gateway.ask({ method: 'GET', url: '/api/v1/strays?vm=web' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_FIELD', field: '?vm' });
  });
});
