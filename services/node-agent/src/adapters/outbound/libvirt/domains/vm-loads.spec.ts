import { describe, expect, it } from '@jest/globals';
import { vmIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { errorCodes, LibvirtError, type LibvirtClient } from '@drover/libvirt-rpc';
import { VmLoads } from './vm-loads.adapter.js';

const vmId = vmIdSchema.parse(derivedId('vm', 'a'));
const record = (uuid: string, cpuNs: number, maximumKiB: number) => ({
  domain: { name: uuid, uuid, id: 1 },
  values: { 'cpu.time': cpuNs, 'balloon.maximum': maximumKiB, 'balloon.rss': 2_048 },
});
const late = () =>
  Promise.reject(
    new LibvirtError('no answer', {
      code: errorCodes.OPERATION_TIMEOUT,
      origin: 'client',
      outcome: 'unknown',
      procedure: 'CONNECT_GET_ALL_DOMAIN_STATS',
    }),
  );

function loadsOver(answers: (() => Promise<unknown>)[]) {
  let nowMs = 0;
  const asked: unknown[] = [];
  const statistics = {
    all: (...args: unknown[]) => {
      asked.push(args[3]);
      return answers.shift()?.();
    },
  };
  const loads = new VmLoads({ statistics } as unknown as LibvirtClient, () => nowMs);
  return { loads, asked, passMs: (ms: number) => (nowMs += ms) };
}

describe('the loads of VMs', () => {
  it('are the last ones with their age while the hypervisor does not answer in time', async () => {
    const answer = () => Promise.resolve([record(vmId, 1e9, 131_072)]);
    const { loads, asked, passMs } = loadsOver([answer, late, late, answer]);
    const first = await loads.read(() => true);
    expect(first).toEqual({ vms: [{ vmId, cpuMillicores: 0, memoryMiB: 2 }], foreignMemoryMiB: 0 });
    passMs(5_000);
    expect(await loads.read(() => true)).toEqual({ ...first, vmsAgeMs: 5_000 });
    passMs(5_000);
    expect(await loads.read(() => true)).toEqual({ ...first, vmsAgeMs: 10_000 });
    expect(await loads.read(() => true)).not.toHaveProperty('vmsAgeMs');
    expect(asked).toEqual(Array.from({ length: 4 }, () => ({ timeoutMs: 2_000 })));
  });

  it('are not made up where there never was an answer', async () => {
    await expect(loadsOver([late]).loads.read(() => true)).rejects.toMatchObject({ code: 'HYPERVISOR_UNAVAILABLE' });
  });

  it('tell apart what domains of others may use at most', async () => {
    const foreign = derivedId('vm', 'foreign');
    const { loads } = loadsOver([() => Promise.resolve([record(vmId, 0, 131_072), record(foreign, 0, 9_728 * 1024)])]);
    expect(await loads.read((id) => id === vmId)).toMatchObject({ vms: [{ vmId }], foreignMemoryMiB: 9_728 });
  });
});
