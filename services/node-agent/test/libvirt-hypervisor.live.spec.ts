import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  orderIdSchema,
  DEFAULT_PROJECT,
  fleetIdSchema,
  vmIdSchema,
  vmSpecSchema,
  type VmId,
  type VmSpecInput,
  type VolumeRef,
} from '@drover/contracts';
import type { VmDefinition } from '@drover/hypervisor';
import { hypervisorContract, MemoryVolumeBook, SignalRecorder } from '@drover/hypervisor/testing';
import { LibvirtClient } from '@drover/libvirt-rpc';
import { domainName, volumeName } from '@drover/libvirt-xml';
import { startPrivateLibvirtd, type PrivateLibvirtd } from '@drover/testing';
import {
  LibvirtHypervisor,
  type LibvirtHypervisorOptions,
} from '../src/adapters/outbound/libvirt/libvirt-hypervisor.driver.js';

/** No guest operating system is needed here: firmware without a disk to boot from runs, pauses and resets as well. */
const spec: VmSpecInput = { memory: { sizeMiB: 32 }, disks: [{ name: 'root', sizeMiB: 1 }] };
const IMAGE = 'empty';
const TIMEOUT_MS = 60_000;
const run = promisify(execFile);

/** `mov dx, 0x505; mov al, 1; out dx, al; hlt; jmp` to the `hlt`: tells QEMU's panic device that the guest has panicked. */
function panickingBootSector(): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.from([0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, 0xf4, 0xeb, 0xfd]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

class CountingClient extends LibvirtClient {
  calls = 0;

  override call: LibvirtClient['call'] = (...request) => {
    this.calls += 1;
    return super.call(...request);
  };
}

/** A machine with libvirt of its own. */
class RealMachine {
  readonly #folder: string;
  readonly libvirtd: PrivateLibvirtd;

  private constructor(folder: string, libvirtd: PrivateLibvirtd) {
    this.#folder = folder;
    this.libvirtd = libvirtd;
  }

  static async start(): Promise<RealMachine> {
    const folder = await mkdtemp(path.join(tmpdir(), 'drover-driver-'));
    await mkdir(path.join(folder, 'volumes'));
    const image = path.join(folder, 'images', IMAGE);
    await mkdir(image, { recursive: true });
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', path.join(image, 'disk'), '1M']);
    await writeFile(path.join(image, 'image.json'), JSON.stringify({ format: 'qcow2', disk: 'disk' }));
    return new RealMachine(folder, await startPrivateLibvirtd());
  }

  connect(
    client = new LibvirtClient({ socketPath: this.libvirtd.socketPath }),
    options: Partial<LibvirtHypervisorOptions> = {},
  ): LibvirtHypervisor {
    return new LibvirtHypervisor({
      client,
      accelerator: 'tcg',
      runFolder: path.dirname(this.libvirtd.socketPath),
      imageFolder: path.join(this.#folder, 'images'),
      pools: [{ name: 'default', libvirtName: 'drover-default', path: this.poolFolder, reservedMiB: 0 }],
      networks: ['default', 'inside'],
      ...options,
    });
  }

  get poolFolder(): string {
    return path.join(this.#folder, 'volumes');
  }

  fileOf({ volume }: VolumeRef): string {
    return path.join(this.poolFolder, volume);
  }

  async addForeignDomain(uuid: string): Promise<void> {
    const file = path.join(this.#folder, 'foreign.xml');
    await writeFile(
      file,
      `<domain type='qemu'><name>foreign-${uuid}</name><uuid>${uuid}</uuid><memory unit='MiB'>32</memory>
        <os><type>hvm</type></os></domain>`,
    );
    await this.libvirtd.virsh('define', file);
  }

  /** As after a crash of libvirtd with a full `/run`. */
  async forgetProcess(vmId: VmId): Promise<void> {
    await this.libvirtd.kill('SIGKILL');
    const status = path.join(this.libvirtd.dir, 'run', 'qemu', domainName(vmId));
    await Promise.all([rm(`${status}.xml`), rm(`${status}.pid`)]);
    await this.libvirtd.restart();
  }

  async remove(): Promise<void> {
    await this.libvirtd.stop();
    await rm(this.#folder, { recursive: true });
  }
}

hypervisorContract(
  'libvirt and QEMU',
  async () => {
    const machine = await RealMachine.start();
    const virsh = async (...words: string[]): Promise<void> => void (await machine.libvirtd.virsh(...words));
    return {
      connect: () => machine.connect(),
      spec,
      image: IMAGE,
      guestObeys: false,
      volumeOf: (vm, diskName) => ({ pool: 'default', volume: volumeName(vm.vmId, diskName, 'qcow2') }),
      outside: {
        start: (vmId) => virsh('start', vmId),
        destroy: (vmId) => virsh('destroy', vmId),
        addForeignDomain: (uuid) => machine.addForeignDomain(uuid),
        removeForeignDomain: (uuid) => virsh('undefine', uuid),
        putVolume: (volume) => writeFile(machine.fileOf(volume), 'not ours'),
        hasVolume: (volume) =>
          access(machine.fileOf(volume)).then(
            () => true,
            () => false,
          ),
        removeVolume: (volume) => rm(machine.fileOf(volume)),
        growVolume: async (volume, sizeMiB) =>
          void (await run('qemu-img', ['resize', '-q', machine.fileOf(volume), `${sizeMiB}M`])),
        losePool: () => rename(machine.poolFolder, `${machine.poolFolder}.away`),
        findPool: () => rename(`${machine.poolFolder}.away`, machine.poolFolder),
        forgetProcess: (vmId) => machine.forgetProcess(vmId),
      },
      remove: () => machine.remove(),
    };
  },
  { testTimeoutMs: TIMEOUT_MS },
);

describe('the libvirt driver next to other domains', () => {
  const fleetId = fleetIdSchema.parse(randomUUID());
  let machine: RealMachine;
  let client: CountingClient;
  let driver: LibvirtHypervisor;
  const signals = new SignalRecorder(TIMEOUT_MS);

  beforeAll(async () => {
    machine = await RealMachine.start();
    client = new CountingClient({ socketPath: machine.libvirtd.socketPath });
    driver = machine.connect(client);
    await driver.open(fleetId, (signal) => signals.record(signal));
  }, TIMEOUT_MS);
  afterAll(async () => {
    await driver?.close();
    await machine?.remove();
  }, TIMEOUT_MS);

  /** What the agent asks of the driver for a start: whether the VM fits, its definition, the start. */
  async function startNew(): Promise<VmDefinition> {
    const vmId = vmIdSchema.parse(randomUUID());
    const vm = { vmId, projectId: DEFAULT_PROJECT, name: 'one', spec: vmSpecSchema.parse(spec) };
    await driver.heldMemoryMiB();
    await driver.createVolumes(vm, new MemoryVolumeBook());
    const lastOrderId = orderIdSchema.parse(randomUUID());
    await driver.define(vm, { fleetId, vmId, generation: { epoch: 1, n: 1 }, lastOrderId });
    await driver.start(vmId);
    return vm;
  }

  async function callsOf(work: () => Promise<unknown>): Promise<number> {
    const before = client.calls;
    await work();
    return client.calls - before;
  }

  it(
    'makes and deletes volumes next to more files than libvirt lists, and leaves one alone that libvirt has seen',
    async () => {
      await driver.inventory();
      const crowd = Array.from({ length: 17_000 }, (_, index) => path.join(machine.poolFolder, `file-${index}`));
      for (const file of crowd) writeFileSync(file, '');
      try {
        await machine.libvirtd.virsh('pool-refresh', 'drover-default');
        await expect(machine.libvirtd.virsh('vol-list', 'drover-default')).rejects.toThrow(/16384/);
        const vmId = vmIdSchema.parse(randomUUID());
        const vm = { vmId, projectId: DEFAULT_PROJECT, name: 'crowded', spec: vmSpecSchema.parse(spec) };
        const book = new MemoryVolumeBook();
        await driver.createVolumes(vm, book);
        expect(await driver.deleteVolumes(vmId, book.volumes)).toEqual([]);

        const foreign = path.join(machine.poolFolder, volumeName(vmId, 'root', 'qcow2'));
        await run('qemu-img', ['create', '-q', '-f', 'qcow2', foreign, '1M']);
        await machine.libvirtd.virsh('pool-refresh', 'drover-default');
        const empty = new MemoryVolumeBook();
        await expect(driver.createVolumes(vm, empty)).rejects.toMatchObject({ code: 'VOLUME_FOREIGN' });
        expect(await driver.deleteVolumes(vmId, empty.volumes)).toEqual([]);
        await access(foreign);
      } finally {
        for (const file of crowd) rmSync(file);
        await machine.libvirtd.virsh('pool-refresh', 'drover-default');
      }
    },
    TIMEOUT_MS,
  );

  it(
    'starts a pool again that somebody stopped, and no other; makes volumes of the third version of qcow2',
    async () => {
      await driver.inventory();
      const other = path.join(machine.poolFolder, '..', 'other');
      await mkdir(other);
      await machine.libvirtd.virsh('pool-define-as', 'other', 'dir', '--target', other);
      await machine.libvirtd.virsh('pool-destroy', 'drover-default');
      const { vmId } = await startNew();
      expect((await driver.inventory()).pools.map(({ name }) => name)).toEqual(['default']);
      expect(await machine.libvirtd.virsh('pool-list', '--inactive', '--name')).toContain('other');
      const file = path.join(machine.poolFolder, volumeName(vmId, 'root', 'qcow2'));
      const { stdout } = await run('qemu-img', ['info', '-U', '--output=json', file]);
      expect(JSON.parse(stdout)).toMatchObject({ 'format-specific': { data: { compat: '1.1' } } });
      await driver.forceStop(vmId);
    },
    TIMEOUT_MS,
  );

  it(
    'gives every NIC the filter that the configuration names, and the VM runs with it',
    async () => {
      const file = path.join(machine.poolFolder, '..', 'definition.xml');
      const definitions = {
        'net-define': `<network><name>inside</name><bridge name='drvinside0'/></network>`,
        'nwfilter-define': `<filter name='no-mac-spoofing' chain='mac'>
          <rule action='return' direction='out'><mac srcmacaddr='$MAC'/></rule>
          <rule action='drop' direction='out'><mac/></rule></filter>`,
      };
      for (const [order, xml] of Object.entries(definitions)) {
        await writeFile(file, xml);
        await machine.libvirtd.virsh(order, file);
      }
      await machine.libvirtd.virsh('net-start', 'inside');
      const filtering = machine.connect(undefined, { nicFilter: 'no-mac-spoofing' });
      await filtering.open(fleetId, () => undefined);
      const vmId = vmIdSchema.parse(randomUUID());
      const withNic = vmSpecSchema.parse({ ...spec, nics: [{ network: 'inside' }] });
      const vm = { vmId, projectId: DEFAULT_PROJECT, name: 'filtered', spec: withNic };
      await filtering.createVolumes(vm, new MemoryVolumeBook());
      const lastOrderId = orderIdSchema.parse(randomUUID());
      await filtering.define(vm, { fleetId, vmId, generation: { epoch: 1, n: 1 }, lastOrderId });
      await filtering.start(vmId);
      expect(await machine.libvirtd.virsh('dumpxml', vmId)).toContain("<filterref filter='no-mac-spoofing'/>");
      expect(await machine.libvirtd.virsh('nwfilter-binding-list')).toContain('no-mac-spoofing');
      await filtering.forceStop(vmId);
      await filtering.close();
    },
    TIMEOUT_MS,
  );

  it(
    'asks no more of libvirt for a start next to fifty domains than next to one',
    async () => {
      await startNew();
      const besideOne = await callsOf(startNew);
      for (let index = 0; index < 48; index += 1) {
        const uuid = randomUUID();
        await machine.addForeignDomain(uuid);
        if (index < 2) await machine.libvirtd.virsh('start', uuid);
      }
      expect(await callsOf(startNew)).toBe(besideOne);
      expect((await driver.heldMemoryMiB()).size).toBe(5);
    },
    TIMEOUT_MS,
  );

  it(
    'refuses a CPU model whose features this host would switch off, before a volume is made',
    async () => {
      const { offers } = await driver.inventory();
      expect(offers?.cpuModels).toContain('qemu64');
      expect(offers?.cpuModels).not.toContain('host-passthrough');
      for (const model of ['Skylake-Server', 'EPYC-Milan', 'host-passthrough', 'no-such-model']) {
        const vmId = vmIdSchema.parse(randomUUID());
        const odd = vmSpecSchema.parse({ ...spec, cpu: { model } });
        const book = new MemoryVolumeBook();
        const made = driver.createVolumes({ vmId, projectId: DEFAULT_PROJECT, name: 'odd', spec: odd }, book);
        await expect(made).rejects.toMatchObject({
          code: 'INVALID_DEFINITION',
          outcome: 'not-applied',
          data: { field: '/spec/cpu/model' },
        });
        expect(book.volumes).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'says that a guest has panicked, ends it and says why it does not run',
    async () => {
      const vmId = vmIdSchema.parse(randomUUID());
      const disks = [{ name: 'root', sizeMiB: 1, format: 'raw' }] as const;
      const panicking = vmSpecSchema.parse({ memory: { sizeMiB: 32 }, disks });
      const vm = { vmId, projectId: DEFAULT_PROJECT, name: 'panic', spec: panicking };
      await driver.createVolumes(vm, new MemoryVolumeBook());
      await writeFile(path.join(machine.poolFolder, volumeName(vmId, 'root', 'raw')), panickingBootSector(), {
        flag: 'r+',
      });
      const lastOrderId = orderIdSchema.parse(randomUUID());
      await driver.define(vm, { fleetId, vmId, generation: { epoch: 1, n: 1 }, lastOrderId });
      await driver.start(vmId);
      expect(await signals.nextChange(vmId, 'crashed')).toMatchObject({ powerState: 'CRASHED', cause: 'crash' });
      expect(await signals.nextChange(vmId, 'stopped')).toMatchObject({ powerState: 'STOPPED', cause: 'crash' });
      const listed = (await driver.list()).find(({ libvirtUuid }) => libvirtUuid === vmId);
      expect(listed).toMatchObject({ powerState: 'STOPPED', stopCause: 'crash' });
    },
    TIMEOUT_MS,
  );

  it(
    'clears autostart that somebody set, and says so once',
    async () => {
      const { vmId } = await startNew();
      await machine.libvirtd.virsh('autostart', vmId);
      const listed = async () => (await driver.list()).find(({ libvirtUuid }) => libvirtUuid === vmId);
      expect(await listed()).toMatchObject({ wasAutostart: true });
      expect((await listed())?.wasAutostart).toBeUndefined();
    },
    TIMEOUT_MS,
  );

  it(
    'counts a VM whose QEMU hangs, and soon, so that it delays no other start',
    async () => {
      const vms = [await startNew(), await startNew()];
      for (const { vmId } of vms) process.kill(machine.libvirtd.qemuPid(domainName(vmId)), 'SIGSTOP');
      for (const round of ['found out', 'known']) {
        const beginMs = performance.now();
        const held = await driver.heldMemoryMiB();
        expect([round, ...vms.map(({ vmId }) => held.get(vmId))]).toEqual([round, 32, 32]);
        expect(performance.now() - beginMs).toBeLessThan(5_000);
      }
    },
    TIMEOUT_MS,
  );
});
