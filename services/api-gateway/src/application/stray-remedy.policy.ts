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
function remedyOf({ kind, libvirtUuid }: StrayView): StrayRemedy {
  return {
    why: reasons[kind],
    commands: [
      { command: `virsh domblklist ${libvirtUuid}`, purpose: 'shows where its disks are' },
      { command: `virsh destroy ${libvirtUuid}`, purpose: 'ends it, if it runs' },
      {
        command: `virsh undefine ${libvirtUuid} --nvram`,
        purpose: 'removes the domain; its disks stay, to be kept or removed by hand',
      },
    ],
  };
}

const reasons: Readonly<Record<StrayKind, string>> = {
  unknown:
    'Its VM was never requested: the event store was restored from an older copy, or a person copied the domain. Make sure that its data is not needed.',
  deleted:
    'Its VM has been deleted: a person brought the domain back, or the host was away when the VM was deleted. Make sure that its data is not needed.',
};
