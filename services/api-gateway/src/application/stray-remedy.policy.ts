import type {
  HostStraysResource,
  NamedHostStrays,
  StrayKind,
  StrayListQuery,
  StrayRemedy,
  StrayView,
} from '@drover/contracts';

/** A host's strays, or those of one VM among them, each with what to do about it. */
export function withRemedies(host: NamedHostStrays, { vm }: Pick<StrayListQuery, 'vm'>): HostStraysResource {
  const asked = host.strays.filter(({ vmId }) => vm === undefined || vmId === vm);
  return { ...host, strays: asked.map((stray) => ({ ...stray, remedy: remedyOf(stray) })) };
}

/** A person decides, because only a person can say whether the copy holds data that is needed. */
function remedyOf(stray: StrayView): StrayRemedy {
  return { why: reasons[stray.kind], commands: stray.isUntracked === true ? ofProcess(stray) : ofDomain(stray) };
}

function ofDomain({ vmId }: StrayView): StrayRemedy['commands'] {
  return [
    { command: `virsh domblklist ${vmId}`, purpose: 'shows where its disks are' },
    { command: `virsh destroy ${vmId}`, purpose: 'ends it, if it runs' },
    {
      command: `virsh undefine ${vmId} --nvram`,
      purpose: 'removes the domain; its disks stay, to be kept or removed by hand',
    },
  ];
}

/** Libvirt cannot end what it does not know of. */
function ofProcess({ vmId }: StrayView): StrayRemedy['commands'] {
  return [
    { command: `pgrep -af -- '-uuid ${vmId}'`, purpose: 'shows its QEMU with its disks; libvirt does not know of it' },
    { command: `pkill -f -- '-uuid ${vmId}'`, purpose: 'ends it; its disks stay, to be kept or removed by hand' },
    { command: `virsh undefine ${vmId} --nvram`, purpose: 'removes the domain, if libvirt still has one' },
  ];
}

const reasons: Readonly<Record<StrayKind, string>> = {
  unknown:
    'Its VM was never requested: the event store was restored from an older copy, or a person copied the domain. Make sure that its data is not needed.',
  deleted:
    'Its VM has been deleted: a person brought the domain back, or the host was away when the VM was deleted. Make sure that its data is not needed.',
};
