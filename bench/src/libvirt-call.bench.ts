import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LibvirtClient } from '@drover/libvirt-rpc';
import { startPrivateLibvirtd } from '@drover/testing';
import { quantile, rounded, timed, type Figure } from './figure.js';

const CALLS = 5000;
const SPAWNS = 40;

/** A call that does nothing (`getLibVersion`) over an open connection, against a `virsh version` that is spawned for it. */
export async function* bench(): AsyncIterable<Figure> {
  const libvirtd = await startPrivateLibvirtd();
  const client = new LibvirtClient({ socketPath: libvirtd.socketPath });
  try {
    await client.connect();
    const call = () => client.call('CONNECT_GET_LIB_VERSION', {});
    const virsh = () => promisify(execFile)('virsh', ['-c', libvirtd.uri, 'version', '--daemon']);
    await Promise.all([call(), virsh()]);
    const callsMs: number[] = [];
    const spawnsMs: number[] = [];
    for (let round = 0; round < SPAWNS; round += 1) {
      for (let index = 0; index < CALLS / SPAWNS; index += 1) callsMs.push(await timed(call));
      spawnsMs.push(await timed(virsh));
    }
    yield {
      figure: 'libvirt-call-p50',
      value: rounded(quantile(callsMs, 0.5) / quantile(spawnsMs, 0.5)),
      unit: 'ratio',
      goal: 0.01,
      better: 'lower',
      detail: {
        callP50Ms: rounded(quantile(callsMs, 0.5)),
        callP99Ms: rounded(quantile(callsMs, 0.99)),
        virshP50Ms: rounded(quantile(spawnsMs, 0.5)),
        calls: CALLS,
        spawns: SPAWNS,
      },
    };
  } finally {
    client.close();
    await libvirtd.stop();
  }
}
