import { describe, expect, it } from '@jest/globals';
import { hostStraysResourceSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { renderTable } from '../output/table.js';
import { columns, describeStrays, strayRows } from './strays.js';

const vmId = derivedId('a', 'vm');
const hostId = derivedId('h1', 'host');
const ofHost = (name: string, leftOut: number) =>
  hostStraysResourceSchema.parse({
    id: hostId,
    name,
    leftOut,
    strays: [
      {
        ...{ vmId, kind: 'unknown', title: 'web', powerState: 'RUNNING', vcpus: 2, memoryMiB: 256 },
        ...{ generation: { epoch: 1, n: 3 }, at: '2026-01-01T00:00:00.000Z' },
        remedy: {
          why: 'Make sure that its data is not needed.',
          commands: [
            { command: `virsh destroy ${vmId}`, purpose: 'ends it, if it runs' },
            { command: `virsh undefine ${vmId} --nvram`, purpose: 'removes the domain' },
          ],
        },
      },
    ],
  });

describe('the list of strays', () => {
  it('has a line for each stray with its host, and one for those that are only counted', () => {
    const lines = renderTable(columns, strayRows(ofHost('h1', 4))).split('\n');
    expect(lines[0]).toMatch(/^VM +HOST +KIND +TITLE +FOUND +CPUS +MEMORY +SINCE$/);
    expect(lines[1]).toMatch(new RegExp(`^${vmId} +h1 +unknown +web +RUNNING +2 +256 MiB +\\d+\\w ago$`));
    expect(lines[2]).toMatch(/^and 4 more +h1 +- +- +- +- +- +-$/);
    expect(lines).toHaveLength(3);
  });

  it('names a host that the API does not show by its id', () => {
    expect(strayRows(ofHost('', 0)).map(({ host }) => host)).toEqual([hostId]);
  });
});

describe('a stray as a person reads it', () => {
  it('is followed by what to make sure of and by the commands that settle it on its host', () => {
    const text = describeStrays(ofHost('h1', 0));
    expect(text).toMatch(new RegExp(`^vm +${vmId}\nhost +h1\nhost id +${hostId}\nkind +unknown\n`));
    expect(text.slice(text.indexOf('\n\n') + 2)).toBe(
      [
        'Make sure that its data is not needed.',
        `Then, as root on h1, the host with the id ${hostId} (\`hosts get ${hostId}\` shows which machine that is):`,
        '',
        `  virsh destroy ${vmId}           # ends it, if it runs`,
        `  virsh undefine ${vmId} --nvram  # removes the domain`,
        '',
        'It goes from the list with the next full list of h1, about a minute later.',
      ].join('\n'),
    );
  });
});
