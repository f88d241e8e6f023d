// What the image is made of, and where it comes from on a Debian machine.
import { existsSync } from 'node:fs';

/** Modules that must be there before the agent answers; what they depend on is added. */
export const firstModules = ['virtio_pci', 'virtio_console', 'virtio_blk', 'evdev', 'button'];
/** Modules that may come while the agent starts. */
export const laterModules = ['virtio_balloon', 'virtio_net', 'virtio-rng', 'i6300esb'];

/**
 * Quiet, and without the probes for old PC devices that cost whole seconds where the processor is emulated. Time stamp
 * counter and devices are QEMU's: known to be good.
 */
export const commandLine = [
  ...['console=ttyS0', 'quiet', 'panic=-1', 'rdinit=/init'],
  ...['mitigations=off', 'no_timer_check', 'tsc=reliable', 'random.trust_cpu=on', 'cryptomgr.notests'],
  ...['i8042.noaux', 'i8042.nokbd', '8250.nr_uarts=1', 'audit=0', 'rcupdate.rcu_expedited=1'],
].join(' ');

export const virtualSizeMiB = 64;

const programFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** The first of the usual places that has the program. */
export function programPath(name) {
  return programFolders.map((folder) => `${folder}/${name}`).find((file) => existsSync(file));
}

/** Programs that the build needs, with the Debian package of each. */
export const requirements = {
  busybox: 'busybox-static',
  'qemu-ga': 'qemu-guest-agent',
  'qemu-img': 'qemu-utils',
  mke2fs: 'e2fsprogs',
  cpio: 'cpio',
  dpkg: 'dpkg',
  'apt-get': 'apt',
};

/** The Debian packages that are missing here. */
export function missingPackages() {
  return Object.entries(requirements)
    .filter(([program]) => programPath(program) === undefined)
    .map(([, debianPackage]) => debianPackage);
}
