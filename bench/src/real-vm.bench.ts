import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { LibvirtClient } from '@drover/libvirt-rpc';
import { Fleet, startPrivateLibvirtd, type PrivateLibvirtd } from '@drover/testing';
import { median, note, rounded, timed, type Figure } from './figure.js';

const PAIRS = 9;
const POLL_MS = 20;
const PATIENCE_MS = 60_000;
const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/**
 * A real guest, from `POST` to the first answer of its guest agent, against the same VM made by hand: `qemu-img create` over
 * the image, `virsh define`, `virsh start`, and the same poll. Pairs alternate which goes first.
 */
export async function* bench(): AsyncIterable<Figure> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-bench-'));
  const libvirtd = await startPrivateLibvirtd();
  const client = new LibvirtClient({ socketPath: libvirtd.socketPath });
  let fleet: Fleet | undefined;
  try {
    const images = process.env.DROVER_IMAGE_FOLDER ?? path.join(folder, 'images');
    await run(process.execPath, [path.join(root, 'tools/guest-image/main.mjs'), images]);
    fleet = await Fleet.start({ hypervisor: 'libvirt', libvirtSocket: libvirtd.socketPath, imageFolder: images });
    await client.connect();
    const template = await templateOf(fleet, libvirtd, client);
    const ours: number[] = [];
    const byHand: number[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const turns = [
        async () => ours.push(await withDrover(fleet as Fleet, client, `pair-${pair}`)),
        async () => byHand.push(await withVirsh(libvirtd, client, template, folder)),
      ];
      for (const turn of pair % 2 === 0 ? turns : turns.reverse()) await turn();
      note(`pair ${pair + 1}: Drover ${Math.round(ours.at(-1) ?? 0)} ms, by hand ${Math.round(byHand.at(-1) ?? 0)} ms`);
    }
    yield {
      figure: 'real-vm-to-guest-agent',
      value: rounded(median(ours) / median(byHand)),
      unit: 'ratio',
      goal: 1.1,
      better: 'lower',
      detail: {
        medianMs: rounded(median(ours)),
        byHandMedianMs: rounded(median(byHand)),
        pairs: PAIRS,
        pollMs: POLL_MS,
      },
    };
  } finally {
    client.close();
    await fleet?.stop();
    await libvirtd.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from the request to the guest agent's answer; the VM is deleted outside of the measured time. */
async function withDrover(fleet: Fleet, client: LibvirtClient, name: string): Promise<number> {
  let vmId = '';
  const elapsedMs = await timed(async () => {
    const { vm } = await fleet.api.expectDone<{ vm: { id: string } }>('POST', '/vms', {
      name,
      spec: { disks: [{ name: 'root', image: 'guest' }] },
    });
    vmId = vm.id;
    await guestAnswers(client, vmId);
  });
  await fleet.api.succeed('DELETE', `/vms/${vmId}`);
  return elapsedMs;
}

interface Template {
  readonly xml: string;
  readonly vmId: string;
  readonly volume: string;
  readonly image: string;
}

/** The domain that Drover makes, so that the one made by hand is the same machine. */
async function templateOf(fleet: Fleet, libvirtd: PrivateLibvirtd, client: LibvirtClient): Promise<Template> {
  const operation = await fleet.api.succeed('POST', '/vms', {
    name: 'template',
    spec: { disks: [{ name: 'root', image: 'guest' }] },
  });
  await guestAnswers(client, operation.subject.id);
  const xml = await libvirtd.virsh('dumpxml', '--inactive', operation.subject.id);
  const volume = /<source file='([^']+)'/.exec(xml)?.[1] ?? '';
  const { stdout } = await run('qemu-img', ['info', '--output=json', '--force-share', volume]);
  const image = (JSON.parse(stdout) as { readonly 'full-backing-filename': string })['full-backing-filename'];
  await fleet.api.succeed('DELETE', `/vms/${operation.subject.id}`);
  return { xml: xml.replace(/<metadata>[^]*<\/metadata>/, ''), vmId: operation.subject.id, volume, image };
}

async function withVirsh(
  libvirtd: PrivateLibvirtd,
  client: LibvirtClient,
  template: Template,
  folder: string,
): Promise<number> {
  const uuid = randomUUID();
  const volume = path.join(folder, `${uuid}.qcow2`);
  const definition = path.join(folder, `${uuid}.xml`);
  const elapsedMs = await timed(async () => {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', template.image, volume]);
    await writeFile(definition, template.xml.replaceAll(template.volume, volume).replaceAll(template.vmId, uuid));
    await libvirtd.virsh('define', definition);
    await libvirtd.virsh('start', uuid);
    await guestAnswers(client, uuid);
  });
  await libvirtd.virsh('destroy', uuid);
  await libvirtd.virsh('undefine', uuid);
  await rm(volume);
  return elapsedMs;
}

/** Asks again and again until the guest agent answers `guest-ping`. */
async function guestAnswers(client: LibvirtClient, uuid: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await client.guest.agentCommand(uuid, '{"execute":"guest-ping"}', 1);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
