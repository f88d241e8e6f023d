import { describe, expect, it } from '@jest/globals';
import { hostStraysSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { withRemedies } from './stray-remedy.policy.js';

const vmId = derivedId('a', 'vm');
const remedyOf = (isUntracked: object) => {
  const stray = {
    vmId,
    kind: 'deleted',
    title: 'web',
    powerState: 'RUNNING',
    vcpus: 2,
    memoryMiB: 256,
    ...isUntracked,
  };
  const strays = [{ ...stray, generation: { epoch: 1, n: 3 }, at: '2026-01-01T00:00:00.000Z' }];
  const host = { ...hostStraysSchema.parse({ id: derivedId('h1', 'host'), leftOut: 0, strays }), name: 'h1' };
  return withRemedies(host, {}).strays[0]?.remedy.commands.map(({ command }) => command);
};

describe('what settles a stray', () => {
  it('ends its domain and removes it', () => {
    expect(remedyOf({})).toEqual([
      `virsh domblklist ${vmId}`,
      `virsh destroy ${vmId}`,
      `virsh undefine ${vmId} --nvram`,
    ]);
  });

  it('ends its process where libvirt does not know that it runs, and could not end it', () => {
    expect(remedyOf({ isUntracked: true })).toEqual([
      `pgrep -af -- '-uuid ${vmId}'`,
      `pkill -f -- '-uuid ${vmId}'`,
      `virsh undefine ${vmId} --nvram`,
    ]);
  });
});
