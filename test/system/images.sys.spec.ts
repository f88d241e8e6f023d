import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImageResource, ImageWriteAnswer, VmResource } from '@drover/contracts';
import { Fleet, type FleetApi } from '@drover/testing';

const HOSTS = 2;

describe('images on two simulated hosts', () => {
  let fleet: Fleet;
  let api: FleetApi;

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated', hosts: HOSTS });
    api = fleet.api;
    await api.hostsAlive(HOSTS);
  }, 120_000);
  afterAll(() => fleet?.stop());

  it('with another content than a host has are placed nowhere, which is explained', async () => {
    const image = `guest@sha256:${'0'.repeat(64)}`;
    const operationId = await api.begin('POST', '/vms', { name: 'other', spec: { disks: [{ name: 'root', image }] } });
    expect(await api.ended(operationId)).toMatchObject({
      error: { code: 'NO_HOST_FITS', data: { counts: { image: HOSTS } } },
    });
  });

  it('are registered from a host, used by their content, kept while a VM uses them, and refused when deleted', async () => {
    const [host] = await api.hostsAlive(HOSTS);
    const body = { name: 'guest', source: { kind: 'host', host: host?.name } };
    const registered = await api.succeed('POST', '/images', body);
    expect(registered).toMatchObject({ kind: 'image.register', subject: { kind: 'image', name: 'guest' } });
    const image = (await api.send<ImageResource>('GET', '/images/guest')).body;
    expect(image).toMatchObject({
      state: 'REGISTERED',
      contents: { format: 'qcow2', virtualSizeBytes: 64 * 1024 ** 2 },
    });
    expect(image.hosts.map(({ has }) => has)).toEqual(['SAME', 'SAME']);
    expect((await api.send('POST', '/images', body)).body).toMatchObject({ code: 'IMAGE_NAME_TAKEN' });

    const disks = [{ name: 'root', image: 'guest' }];
    await api.succeed('POST', '/vms', { name: 'on-image', spec: { disks } });
    const vm = (await api.send<VmResource>('GET', '/vms/on-image')).body;
    expect(vm.spec.disks[0]?.image).toBe(`guest@${image.contents?.digest}`);
    expect(vm.observed?.powerState).toBe('RUNNING');

    const used = await api.send('DELETE', '/images/guest');
    expect(used.status).toBe(409);
    expect(used.body).toMatchObject({ code: 'IMAGE_IN_USE', data: { vmIds: [vm.id], vms: 1 } });
    await api.succeed('DELETE', '/vms/on-image');
    const deleted = await api.send<ImageWriteAnswer>('DELETE', '/images/guest');
    expect(deleted).toMatchObject({ status: 200, body: { operation: null, image: { id: image.id } } });
    expect((await api.send('GET', '/images/guest')).status).toBe(404);
    const refused = await api.send('POST', '/vms', { name: 'after', spec: { disks } });
    expect(refused).toMatchObject({ status: 422, body: { code: 'IMAGE_NOT_FOUND' } });
  });

  it('that no host has fail with its reason, and leave the name free', async () => {
    const [host] = await api.hostsAlive(HOSTS);
    const operationId = await api.begin('POST', '/images', {
      name: 'absent',
      source: { kind: 'host', host: host?.id },
    });
    expect(await api.ended(operationId)).toMatchObject({ state: 'FAILED', error: { code: 'IMAGE_NOT_FOUND' } });
    expect((await api.send('GET', '/images/absent')).status).toBe(404);
  });
});
