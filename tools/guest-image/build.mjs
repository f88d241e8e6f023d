// Builds the image `guest` into a folder of images. Nothing is done when its inputs are those of the image that is there.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commandLine, missingPackages, programPath, virtualSizeMiB } from './inputs.mjs';
import { layOut, pack } from './initramfs.mjs';
import { kernelFolder, readKernel } from './kernel.mjs';

const here = import.meta.dirname;
const name = 'guest';
const diskUuid = '6d3c1f0e-5b0a-4f55-9d4c-64726f766572';

/**
 * @param imageFolder gets `guest/` with disk, kernel, initramfs and image.json, which names them.
 * @param cacheFolder keeps Debian's kernel package between builds.
 * @returns whether it was built, and where it is.
 */
export function buildGuestImage({ imageFolder, cacheFolder, report = () => {} }) {
  const folder = path.join(imageFolder, name);
  const missing = missingPackages();
  if (missing.length > 0) throw new Error(`the guest image needs the Debian packages ${missing.join(', ')}`);
  report('finding the kernel');
  const kernel = readKernel(kernelFolder(cacheFolder));
  const inputs = inputHash(kernel.image);
  if (isCurrent(folder, inputs)) return { folder, built: false };

  mkdirSync(imageFolder, { recursive: true });
  const draft = mkdtempSync(path.join(imageFolder, '.guest-'));
  try {
    report('packing the guest');
    const root = path.join(draft, 'root');
    layOut(root, kernel.modules, readFileSync(path.join(here, 'init.sh'), 'utf8'));
    pack(root, path.join(draft, 'initramfs'));
    rmSync(root, { recursive: true });
    copyFileSync(kernel.image, path.join(draft, 'kernel'));
    makeDisk(draft);
    publish(draft, folder, inputs);
    return { folder, built: true };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function inputHash(kernelImage) {
  const hash = createHash('sha256');
  const own = readdirSync(here)
    .filter((file) => !file.includes('.spec.'))
    .sort();
  for (const file of [
    ...own.map((file) => path.join(here, file)),
    kernelImage,
    programPath('busybox'),
    programPath('qemu-ga'),
  ]) {
    hash.update(createHash('sha256').update(readFileSync(file)).digest());
  }
  return hash.digest('hex');
}

function isCurrent(folder, inputs) {
  const file = path.join(folder, 'image.json');
  if (!existsSync(file)) return false;
  const image = JSON.parse(readFileSync(file, 'utf8'));
  return image.inputs === inputs && Object.keys(image.sha256).every((name) => existsSync(path.join(folder, name)));
}

/** The same bytes at every build, so that a new image keeps its disk, and with it the VMs that stand on it. */
function makeDisk(draft) {
  const raw = path.join(draft, 'disk.raw');
  const environment = { ...process.env, E2FSPROGS_FAKE_TIME: '1700000000' };
  const run = (program, args) =>
    execFileSync(programPath(program), args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
  const extended = `lazy_itable_init=0,lazy_journal_init=0,hash_seed=${diskUuid}`;
  run('mke2fs', [
    '-q',
    '-t',
    'ext4',
    '-L',
    'drover-data',
    '-U',
    diskUuid,
    '-m',
    '0',
    '-E',
    extended,
    raw,
    `${virtualSizeMiB}M`,
  ]);
  run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path.join(draft, 'disk.qcow2')]);
  rmSync(raw);
}

/**
 * Moves the files next to those of earlier builds, under names that say their content, and then replaces the description:
 * what a VM's disk or definition refers to is never changed or removed under it.
 */
function publish(draft, folder, inputs) {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const sha256 = {};
  const named = (file) => {
    const digest = createHash('sha256')
      .update(readFileSync(path.join(draft, file)))
      .digest('hex');
    const { name: stem, ext } = path.parse(file);
    const target = `${stem}-${digest.slice(0, 12)}${ext}`;
    sha256[target] = digest;
    // QEMU's user reads it; no user writes it.
    chmodSync(path.join(draft, file), 0o444);
    if (!existsSync(path.join(folder, target))) renameSync(path.join(draft, file), path.join(folder, target));
    return target;
  };
  const description = {
    name,
    format: 'qcow2',
    disk: named('disk.qcow2'),
    virtualSizeBytes: virtualSizeMiB * 1024 * 1024,
    kernel: named('kernel'),
    initramfs: named('initramfs'),
    commandLine,
    sha256,
    inputs,
  };
  const file = path.join(draft, 'image.json');
  writeFileSync(file, `${JSON.stringify(description, undefined, 2)}\n`, { mode: 0o644 });
  renameSync(file, path.join(folder, 'image.json'));
}
