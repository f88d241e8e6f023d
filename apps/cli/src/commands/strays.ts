import type { HostStraysResource } from '@drover/contracts';
import type { Command } from 'commander';
import { printable, renderFields, type Column } from '../output/table.js';
import { formatDuration, formatMiB } from '../quantities.js';
import { openSession } from '../session.js';
import { resolveHostId } from './hosts.js';

type Stray = HostStraysResource['strays'][number];

/** A line of the list: a stray of a host, or how many more the host has. */
export type StrayRow = { readonly host: string } & (
  { readonly stray: Stray; readonly more?: never } | { readonly more: number; readonly stray?: never }
);

export const columns: readonly Column<StrayRow>[] = [
  { heading: 'VM', value: ({ stray, more }) => stray?.vmId ?? `and ${more} more` },
  { heading: 'HOST', value: ({ host }) => host },
  { heading: 'KIND', value: ({ stray }) => stray?.kind },
  { heading: 'TITLE', value: ({ stray }) => stray?.title },
  { heading: 'FOUND', value: ({ stray }) => stray?.powerState },
  { heading: 'CPUS', value: ({ stray }) => stray?.vcpus, isNumber: true },
  { heading: 'MEMORY', value: ({ stray }) => stray && formatMiB(stray.memoryMiB), isNumber: true },
  { heading: 'SINCE', value: ({ stray }) => stray && `${formatDuration(Date.now() - Date.parse(stray.at))} ago` },
];

export function addStrayCommands(program: Command): void {
  const strays = program
    .command('strays')
    .alias('stray')
    .description('domains of this fleet whose VM is not there; VM is the id of that VM');
  strays
    .command('list')
    .description('every stray: its host, what it is, since when it is known')
    .option('--host <name>', 'only on this host')
    .action(async (given: { host?: string }, command: Command) => {
      const session = openSession(command);
      const host = given.host === undefined ? undefined : await resolveHostId(session.api, given.host);
      const pages = session.api.pages<HostStraysResource>('/strays', { host });
      if (session.options.output === 'json') await session.printPages(pages, []);
      else await session.printPages(rowsOf(pages), columns);
    });
  strays
    .command('get <vm>')
    .alias('describe')
    .description('a stray, on each host that has it, and the commands that settle it there')
    .action(async (vm: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      const hosts: HostStraysResource[] = [];
      for await (const host of session.api.items<HostStraysResource>('/strays', { vm })) hosts.push(host);
      if (hosts.length === 0)
        command.error(`no host has a stray of VM ${vm}; \`strays list\` shows all that are known`);
      session.print(hosts, () => hosts.map(describeStrays).join('\n\n'));
    });
}

async function* rowsOf(pages: AsyncIterable<readonly HostStraysResource[]>): AsyncIterable<readonly StrayRow[]> {
  for await (const page of pages) yield page.flatMap(strayRows);
}

export function strayRows(ofHost: HostStraysResource): readonly StrayRow[] {
  const host = nameOf(ofHost);
  const told = ofHost.strays.map((stray): StrayRow => ({ host, stray }));
  return ofHost.leftOut === 0 ? told : [...told, { host, more: ofHost.leftOut }];
}

export function describeStrays(ofHost: HostStraysResource): string {
  return ofHost.strays.map((stray) => describeStray(ofHost, stray)).join('\n\n');
}

function describeStray(ofHost: HostStraysResource, stray: Stray): string {
  const { remedy } = stray;
  const host = nameOf(ofHost);
  const width = Math.max(...remedy.commands.map(({ command }) => command.length));
  return [
    renderFields([
      ['vm', stray.vmId],
      ['host', host],
      ['host id', ofHost.id],
      ['kind', stray.kind],
      ['title', stray.title],
      ['generation', `${stray.generation.epoch}.${stray.generation.n}`],
      ['since', stray.at],
      ['found', stray.powerState],
      ['size', `${stray.vcpus} vCPUs, ${formatMiB(stray.memoryMiB)}`],
    ]),
    '',
    printable(remedy.why),
    // A host gives itself its name, and another may have the same.
    `Then, as root on ${printable(host)}, the host with the id ${ofHost.id} (\`hosts get ${ofHost.id}\` shows which machine that is):`,
    '',
    ...remedy.commands.map(({ command, purpose }) => `  ${printable(command).padEnd(width)}  # ${printable(purpose)}`),
    '',
    `It goes from the list with the next full list of ${printable(host)}, about a minute later.`,
  ].join('\n');
}

/** A host that the API does not show has its id only. */
function nameOf({ id, name }: HostStraysResource): string {
  return name === '' ? id : name;
}
