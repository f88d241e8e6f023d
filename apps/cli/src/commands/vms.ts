import type { StoredEvent, VmResource, VmWriteAnswer } from '@drover/contracts';
import { Option, type Command } from 'commander';
import { withNearName } from '../near-names.js';
import { pairs } from '../output/placement-failure.js';
import { renderFields, renderTable, type Column } from '../output/table.js';
import { formatDuration, formatMiB, parseMiB, parsePair } from '../quantities.js';
import { openSession } from '../session.js';
import { addExplainCommand } from './explain.js';
import { hostNames, resolveHostId } from './hosts.js';
import { addVmActions, argument, finish, vmPath, waitable } from './vm-actions.js';

/** The API's largest. */
const PAGE = 1000;

const columns = (nameOf: (hostId: string) => string): readonly Column<VmResource>[] => [
  { heading: 'NAME', value: (vm) => vm.name },
  { heading: 'OBSERVED', value: (vm) => vm.observed?.powerState },
  { heading: 'DESIRED', value: (vm) => vm.desired.powerState },
  { heading: 'CPUS', value: cpus, isNumber: true },
  { heading: 'MEMORY', value: (vm) => formatMiB(vm.spec.memory.sizeMiB), isNumber: true },
  { heading: 'HOST', value: (vm) => (vm.placement === null ? undefined : nameOf(vm.placement.hostId)) },
  { heading: 'OPERATION', value: (vm) => vm.operation?.kind },
  { heading: 'DRIFT', value: (vm) => vm.drift.map((drift) => drift.kind).join(',') },
  { heading: 'AGE', value: (vm) => formatDuration(Date.now() - Date.parse(vm.createdAt)) },
  { heading: 'ID', value: (vm) => vm.id },
];

export function addVmCommands(program: Command): void {
  const vms = program.command('vms').alias('vm').description('virtual machines; NAME may be a name or an id');
  addCreate(vms);
  addReads(vms);
  addVmActions(vms);
}

interface CreateOptions {
  readonly cpus: number;
  readonly memory: number;
  readonly image: string;
  readonly disk?: number;
  readonly network: readonly string[];
  readonly host?: string;
  readonly zone?: string;
  readonly cluster?: string;
  readonly label: Readonly<Record<string, string>>;
  readonly policy: string;
  readonly off?: true;
  readonly wait?: true;
}

function addCreate(vms: Command): void {
  waitable(
    vms
      .command('create <name>')
      .description('create a VM from an image and start it')
      .addOption(new Option('--cpus <n>', 'virtual CPUs').default(1).argParser(argument(positiveInteger)))
      .addOption(
        new Option('--memory <size>', 'e.g. 128MiB or 2GiB').default(128, '128MiB').argParser(argument(parseMiB)),
      )
      .option('--image <name>', 'what its disk begins as', 'guest')
      .addOption(
        new Option('--disk <size>', 'size of its disk (default: that of the image)').argParser(argument(parseMiB)),
      )
      .addOption(
        new Option('--network <name>', 'a network card on this network; may be repeated')
          .default([])
          .argParser((text: string, before: readonly string[]) => [...before, text]),
      )
      .option('--host <name>', 'exactly this host')
      .option('--zone <zone>', 'only hosts of this zone')
      .option('--cluster <cluster>', 'only hosts of this cluster')
      .addOption(
        new Option('--label <k=v>', 'label of the VM; may be repeated')
          .default({})
          .argParser((text: string, before: Record<string, string>) => argument(() => parsePair(text, before))(text)),
      )
      .addOption(
        new Option('--policy <policy>', 'how hosts are preferred').choices(['spread', 'pack']).default('spread'),
      )
      .option('--off', 'leave it stopped'),
  ).action(async (name: string, given: CreateOptions, command: Command) => {
    const session = openSession(command);
    const hostId = given.host === undefined ? undefined : await resolveHostId(session.api, given.host);
    const answer = await session.api.post<VmWriteAnswer>('/vms', {
      name,
      project: session.options.project,
      powerOn: given.off !== true,
      spec: {
        cpu: { cores: given.cpus },
        memory: { sizeMiB: given.memory },
        disks: [{ name: 'root', image: given.image, ...(given.disk === undefined ? {} : { sizeMiB: given.disk }) }],
        nics: given.network.map((network) => ({ network })),
        labels: given.label,
        placement: {
          policy: given.policy,
          ...(hostId === undefined ? {} : { hostId }),
          ...(given.zone === undefined ? {} : { zone: given.zone }),
          ...(given.cluster === undefined ? {} : { cluster: given.cluster }),
        },
      },
    });
    await finish(session, answer, given.wait);
  });
}

function addReads(vms: Command): void {
  vms
    .command('list')
    .description('VMs of the project')
    .addOption(
      new Option('--label <k=v>', 'only with this label; may be repeated')
        .default([])
        .argParser((text: string, before: readonly string[]) => [...before, text]),
    )
    .option('--host <name>', 'only on this host')
    .option('--observed <state>', 'only in this power state, e.g. RUNNING')
    .action(async (given: { label: readonly string[]; host?: string; observed?: string }, command: Command) => {
      const session = openSession(command);
      const query = {
        limit: PAGE,
        project: session.options.project,
        labels: given.label.length > 0 ? given.label.join(',') : undefined,
        host: given.host === undefined ? undefined : await resolveHostId(session.api, given.host),
        observed: given.observed?.toUpperCase(),
      };
      const nameOf = session.options.output === 'json' ? String : await hostNames(session.api);
      await session.printPages(session.api.pages<VmResource>('/vms', query), columns(nameOf));
    });
  vms
    .command('get <name>')
    .description('one VM, now or as of any moment')
    .option('--at <time>', 'as of this moment, ISO 8601, from events alone')
    .action(async (name: string, given: { at?: string }, command: Command) => {
      const session = openSession(command);
      const { project } = session.options;
      const vm = await withNearName(session.api, name, project, () =>
        session.api.get<VmResource>(vmPath(name), { project, at: given.at }),
      );
      const nameOf = await hostNames(session.api);
      session.print(vm, () => describeVm(vm, nameOf));
    });
  vms
    .command('history <name>')
    .description('everything that was decided about a VM, in order')
    .action(async (name: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      const events: StoredEvent[] = [];
      for (let after: number | undefined, isEnd = false; !isEnd;) {
        const page: { items: readonly StoredEvent[]; next?: number } = await session.api.get(
          `${vmPath(name)}/history`,
          {
            project: session.options.project,
            after,
          },
        );
        events.push(...page.items);
        after = page.next;
        isEnd = after === undefined;
      }
      session.print(events, () => renderTable(historyColumns, events));
    });
  addExplainCommand(vms);
}

const historyColumns: readonly Column<StoredEvent>[] = [
  { heading: 'POSITION', value: (event) => event.position, isNumber: true },
  { heading: 'REV', value: (event) => event.revision, isNumber: true },
  { heading: 'RECORDED', value: (event) => event.recordedAt },
  { heading: 'EVENT', value: (event) => event.type },
  { heading: 'BY', value: (event) => `${event.meta.actor.kind}/${event.meta.actor.id}` },
  { heading: 'OPERATION', value: (event) => event.meta.operationId },
];

function describeVm(vm: VmResource, nameOf: (hostId: string) => string): string {
  const { observed, placement } = vm;
  return renderFields([
    ['name', vm.name],
    ['id', vm.id],
    ['project', vm.project],
    [
      'observed',
      observed === null ? undefined : `${observed.powerState} since ${observed.at} (${observed.cause ?? 'seen'})`,
    ],
    ['desired', vm.desired.powerState],
    ...vm.drift.map((drift) => ['drift', `${drift.kind}: ${drift.detail}`] as const),
    ['cpus', cpus(vm)],
    ['memory', formatMiB(vm.spec.memory.sizeMiB)],
    ...vm.spec.disks.map(
      (disk) =>
        [`disk ${disk.name}`, `${disk.image ?? 'blank'} in pool ${disk.pool}, ${disk.format}, ${disk.bus}`] as const,
    ),
    ...vm.spec.nics.map((nic, index) => [`nic ${index}`, `${nic.network}, ${nic.model}`] as const),
    ['labels', pairs(vm.spec.labels)],
    ['host', placement === null ? undefined : `${nameOf(placement.hostId)} (${placement.hostId})`],
    ['generation', placement === null ? undefined : `${placement.generation.epoch}.${placement.generation.n}`],
    ['score', placement === null ? undefined : `${placement.score.total} (${pairs(placement.score.parts)})`],
    ['not placed', vm.placementFailure === null ? undefined : pairs(vm.placementFailure.counts)],
    ['operation', vm.operation === null ? undefined : `${vm.operation.kind} ${vm.operation.id}`],
    ['created', vm.createdAt],
    ['deleted', vm.deletedAt ?? undefined],
    ['revision', vm.revision],
  ]);
}

function cpus(vm: VmResource): number {
  return vm.spec.cpu.sockets * vm.spec.cpu.cores * vm.spec.cpu.threads;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`"${text}" is not a number of 1 or more`);
  return value;
}
