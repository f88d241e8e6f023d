import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { orderIdSchema, vmSpecSchema, type FleetId } from '@drover/contracts';
import type { Hypervisor, VmDefinition } from '../hypervisor.port.js';
import type { HypervisorContractHost } from './contract-host.js';
import { faultOf } from './fault-of.js';
import type { MemoryVolumeBook } from './memory-volume-book.js';

/** What each test begins with: an opened driver, a VM of which nothing is there, and its empty book. */
export interface VolumeTestSetting {
  readonly host: HypervisorContractHost;
  readonly driver: Hypervisor;
  readonly fleetId: FleetId;
  readonly vm: VmDefinition;
  readonly book: MemoryVolumeBook;
}

const twoDisks = vmSpecSchema.parse({
  disks: [
    { name: 'first', sizeMiB: 1 },
    { name: 'second', sizeMiB: 1 },
  ],
});

/** Whose volumes are, and where they may be: part of the hypervisor contract. */
export function volumeTests(setting: () => VolumeTestSetting, timeoutMs: number): void {
  const test = (title: string, body: (given: VolumeTestSetting) => Promise<void>): void =>
    it(title, () => body(setting()), timeoutMs);

  for (const diskName of ['first', 'second']) {
    test(`leaves a volume alone that was there before, as ${diskName} disk`, async ({ book, driver, host, vm }) => {
      const two = { ...vm, spec: twoDisks };
      const foreign = host.volumeOf(two, diskName);
      await host.outside.putVolume(foreign);
      const fault = await faultOf(driver.createVolumes(two, book));
      expect(fault).toMatchObject({ code: 'VOLUME_FOREIGN', outcome: 'not-applied' });
      expect(book.has(foreign)).toBe(false);
      // As the undo does: what this create has made, and no more.
      expect(await driver.deleteVolumes(vm.vmId, book.volumes)).toEqual([]);
      expect(await host.outside.hasVolume(foreign)).toBe(true);
      expect(await host.outside.hasVolume(host.volumeOf(two, 'first'))).toBe(diskName === 'first');
      await driver.deleteVolumes(vm.vmId, [foreign]);
      expect(await host.outside.hasVolume(foreign)).toBe(false);
    });
  }

  test('takes a volume of its own for what it is, also as another driver', async ({
    book,
    driver,
    fleetId,
    host,
    vm,
  }) => {
    await driver.createVolumes(vm, book);
    const another = host.connect();
    await another.open(fleetId, () => undefined);
    await another.createVolumes(vm, book);
    await another.close();
    for (const disk of vm.spec.disks) expect(await host.outside.hasVolume(host.volumeOf(vm, disk.name))).toBe(true);
  });

  test('says which volumes it cannot delete while their pool is away, and deletes them when it is back', async (given) => {
    const { book, driver, host, vm } = given;
    await driver.createVolumes(vm, book);
    const [volume] = book.volumes;
    if (volume === undefined) throw new Error('the VM of the contract has no disk');
    await host.outside.losePool(volume.pool);
    const left = await driver.deleteVolumes(vm.vmId, book.volumes);
    expect(left).toEqual([{ ...volume, why: expect.stringMatching(/./) }]);
    const fault = await faultOf(driver.createVolumes({ ...vm, spec: twoDisks }, book));
    expect(fault.code).toBe('POOL_INACTIVE');
    const { pools } = await driver.inventory();
    const told = { name: volume.pool, problem: expect.any(String), availableMiB: 0 };
    expect(pools).toContainEqual(expect.objectContaining(told));
    await host.outside.findPool(volume.pool);
    expect(await driver.deleteVolumes(vm.vmId, book.volumes)).toEqual([]);
    expect(await host.outside.hasVolume(volume)).toBe(false);
  });

  test('tells how large its volumes are, which are gone, and nothing of a pool that is away', async (given) => {
    const { book, driver, host, vm } = given;
    await driver.createVolumes({ ...vm, spec: twoDisks }, book);
    const [first, second] = book.volumes;
    if (first === undefined || second === undefined) throw new Error('two disks have two volumes');
    const MIB = 1024 ** 2;
    expect(await driver.lookAtVolumes(book.volumes)).toEqual([
      { ...first, sizeBytes: MIB },
      { ...second, sizeBytes: MIB },
    ]);
    await host.outside.growVolume(first, 3);
    await host.outside.removeVolume(second);
    expect(await driver.lookAtVolumes(book.volumes)).toEqual([{ ...first, sizeBytes: 3 * MIB }, second]);
    await host.outside.losePool(first.pool);
    expect(await driver.lookAtVolumes(book.volumes)).toEqual([]);
    await host.outside.findPool(first.pool);
    expect(await driver.deleteVolumes(vm.vmId, book.volumes)).toEqual([]);
  });

  test('says that a volume is missing when a VM is to be started without it', async (given) => {
    const { book, driver, fleetId, host, vm } = given;
    await driver.createVolumes(vm, book);
    const lastOrderId = orderIdSchema.parse(randomUUID());
    await driver.define(vm, { fleetId, vmId: vm.vmId, generation: { epoch: 1, n: 1 }, lastOrderId });
    for (const volume of book.volumes) await host.outside.removeVolume(volume);
    const fault = await faultOf(driver.start(vm.vmId));
    expect(fault).toMatchObject({ code: 'VOLUME_MISSING', outcome: 'not-applied' });
    expect((await driver.observe(vm.vmId)).powerState).toBe('STOPPED');
  });

  test('refuses a volume from an image that is not there, and creates nothing', async ({ book, driver, vm }) => {
    const spec = vmSpecSchema.parse({ disks: [{ name: 'root', image: 'no-such-image' }] });
    const fault = await faultOf(driver.createVolumes({ ...vm, spec }, book));
    expect(fault).toMatchObject({ code: 'IMAGE_NOT_FOUND', outcome: 'not-applied' });
  });

  test('makes and defines a disk of an image whose content is named, and of no other content', async (given) => {
    const { book, driver, fleetId, host, vm } = given;
    const contents = await driver.inspectImage(host.image);
    expect(contents.virtualSizeBytes).toBeGreaterThanOrEqual(512);
    const of = (digest: string) => ({
      ...vm,
      spec: vmSpecSchema.parse({ disks: [{ name: 'root', image: `${host.image}@${digest}` }] }),
    });
    const other = of(`sha256:${'0'.repeat(64)}`);
    const lastOrderId = orderIdSchema.parse(randomUUID());
    const mark = { fleetId, vmId: vm.vmId, generation: { epoch: 1, n: 1 }, lastOrderId };
    expect(await faultOf(driver.createVolumes(other, book))).toMatchObject({ code: 'IMAGE_CHANGED' });
    expect(book.volumes).toEqual([]);
    await driver.createVolumes(of(contents.digest), book);
    expect(await faultOf(driver.define(other, mark))).toMatchObject({ code: 'IMAGE_CHANGED' });
    await driver.define(of(contents.digest), mark);
    const { images } = await driver.inventory();
    expect(images.find(({ name }) => name === host.image)).toMatchObject({ digest: contents.digest });
  });

  test('says of an image that is not there that it is not', async ({ driver }) => {
    expect(await faultOf(driver.inspectImage('no-such-image'))).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  test('refuses a volume in a pool that is not there', async ({ book, driver, vm }) => {
    const spec = vmSpecSchema.parse({ disks: [{ name: 'root', pool: 'no-such-pool', sizeMiB: 1 }] });
    const fault = await faultOf(driver.createVolumes({ ...vm, spec }, book));
    expect(fault).toMatchObject({ code: 'POOL_NOT_FOUND', outcome: 'not-applied' });
  });
}
