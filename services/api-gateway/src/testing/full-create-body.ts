import type { CreateVmBody } from '@drover/contracts';

/** A body with every field that there is; the specs of bad input ask for a new field here. */
export const fullCreateBody = {
  name: 'web-1',
  project: 'default',
  powerOn: true,
  spec: {
    cpu: {
      sockets: 1,
      cores: 2,
      threads: 1,
      model: 'qemu64',
      limits: { ceilingMillicores: 1000, shares: 100, reservationMillicores: 500 },
      pinning: [{ vcpu: 0, hostCpus: [1] }],
    },
    memory: { sizeMiB: 128, maximumMiB: 256, balloon: { minimumMiB: 64 }, hugepages: { pageSizeKiB: 2048 } },
    firmware: { type: 'uefi', secureBoot: true },
    boot: { order: ['disk'], directKernel: { kernel: 'vmlinuz', initramfs: 'initrd', commandLine: 'quiet' } },
    disks: [
      {
        name: 'root',
        pool: 'default',
        sizeMiB: 1024,
        format: 'qcow2',
        bus: 'virtio',
        cache: 'none',
        ioLimits: { readIops: 100, writeIops: 100, readKiBps: 100, writeKiBps: 100 },
        image: 'guest',
      },
    ],
    nics: [
      {
        network: 'default',
        vlan: 10,
        mac: '52:54:00:12:34:56',
        model: 'virtio',
        rate: { inboundKiBps: 100, outboundKiBps: 100 },
      },
    ],
    console: { serial: true, graphics: 'none' },
    cloudInit: {
      hostname: 'web-1',
      sshAuthorizedKeys: ['ssh-ed25519 AAAA'],
      userDataSecret: 's',
      networkConfigSecret: 's',
    },
    devices: {
      pci: [{ address: '0000:65:00.0' }, { vendorId: '10de', productId: '20b0' }],
      gpu: [{ model: 'a100', profile: 'q1' }],
      tpm: { version: '2.0' },
      watchdog: { model: 'itco', action: 'reset' },
      rng: true,
    },
    labels: { tier: 'web' },
    ha: { enabled: true, restartPriority: 'high' },
    drs: { automation: 'manual' },
    placement: {
      hostId: '0199c4e2-0000-7000-8000-000000000001',
      zone: 'z1',
      cluster: 'default',
      hostLabels: { disk: 'ssd' },
      policy: 'spread',
    },
    metadata: { description: 'a web server', annotations: { owner: 'ops' } },
  },
} satisfies CreateVmBody;
