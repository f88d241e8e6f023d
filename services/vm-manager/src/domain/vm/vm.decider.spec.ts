import { describe, expect, it } from '@jest/globals';
import {
  DEFAULT_PROJECT,
  type OperationKindOf,
  type ProjectId,
  type VmFact,
  type vmKind,
  type VmSpecInput,
} from '@drover/contracts';
import { given, type CommandInContext } from '../../testing/vm-decider-under-test.js';
import { command, fact, history, hostA, operationOf, source, spec, user, vmId, vmOf } from '../../testing/vm-facts.js';

const base = { actor: user, projectId: DEFAULT_PROJECT } as const;

function create(input: VmSpecInput = {}, context: CommandInContext['context'] = {}): CommandInContext {
  return {
    ...base,
    kind: 'create',
    commandId: command('create'),
    name: 'web',
    spec: spec(input),
    powerOn: true,
    context,
  };
}

type Plain = 'start' | 'reset' | 'pause' | 'resume' | 'delete';
const on = (kind: Plain, name: string = kind): CommandInContext => ({ ...base, kind, commandId: command(name), vmId });
const stop = (mode: 'graceful' | 'force', name = 'stop'): CommandInContext => ({
  ...base,
  kind: 'stop',
  commandId: command(name),
  vmId,
  mode,
  gracePeriodMs: 30_000,
});
const reboot = (): CommandInContext => ({
  ...base,
  kind: 'reboot',
  commandId: command('reboot'),
  vmId,
  gracePeriodMs: 5_000,
});
const cancel = (name: string, context: CommandInContext['context'] = {}): CommandInContext => ({
  ...base,
  kind: 'cancel',
  commandId: command(`cancel ${name}`),
  vmId,
  operationId: operationOf(name),
  context,
});

const began = (name: string, kind: OperationKindOf<typeof vmKind>, timeoutMs: number, supersedes?: string): VmFact =>
  fact.began(name, kind, timeoutMs, supersedes === undefined ? undefined : operationOf(supersedes));
const superseded = (name: string, by: string): VmFact => fact.cancelled(name, 'superseded', operationOf(by));

describe('create', () => {
  it('records the wish and the beginning of its operation, with ids derived from the command', () => {
    given()
      .when(create())
      .then(fact.requested(), began('create', 'vm.create', 600_000));
    expect(vmId).toBe(vmOf('create'));
  });

  it('is refused in a project that does not exist', () => {
    given()
      .when({ ...create(), projectId: 'no-such-project' as ProjectId })
      .thenRejected({ code: 'PROJECT_NOT_FOUND', field: '/project' });
  });

  it('decides nothing anew when the command is repeated, whatever became of the VM', () => {
    given(...history.requested())
      .when(create())
      .then();
    given(...history.running())
      .when(create())
      .then();
    given(...history.requested(), fact.cancelled('create'), fact.deleted())
      .when(create())
      .then();
  });

  it('refuses a name that another VM of the project has', () => {
    const holder = vmOf('another');
    given()
      .when(create({}, { nameHolder: holder }))
      .thenRejected({ code: 'VM_NAME_TAKEN', field: '/name', data: { vmId: holder } });
  });

  it.each<readonly [string, VmSpecInput]>([
    ['/spec/cpu/limits', { cpu: { limits: { shares: 100 } } }],
    ['/spec/cpu/pinning', { cpu: { pinning: [{ vcpu: 0, hostCpus: [1] }] } }],
    ['/spec/memory/maximumMiB', { memory: { maximumMiB: 1024 } }],
    ['/spec/memory/balloon', { memory: { balloon: { minimumMiB: 64 } } }],
    ['/spec/memory/hugepages', { memory: { hugepages: { pageSizeKiB: 2048 } } }],
    ['/spec/firmware/type', { firmware: { type: 'uefi' } }],
    ['/spec/firmware/secureBoot', { firmware: { secureBoot: true } }],
    ['/spec/boot/order', { boot: { order: ['disk'] } }],
    ['/spec/boot/directKernel', { boot: { directKernel: { kernel: 'vmlinuz' } } }],
    [
      '/spec/disks/1/bus',
      {
        disks: [
          { name: 'a', sizeMiB: 1 },
          { name: 'b', sizeMiB: 1, bus: 'ide' },
        ],
      },
    ],
    ['/spec/nics/0/vlan', { nics: [{ network: 'default', vlan: 7 }] }],
    ['/spec/console/graphics', { console: { graphics: 'vnc' } }],
    ['/spec/cloudInit', { cloudInit: {} }],
    ['/spec/devices/pci', { devices: { pci: [] } }],
    ['/spec/devices/gpu', { devices: { gpu: [] } }],
    ['/spec/devices/tpm', { devices: { tpm: { version: '2.0' } } }],
    ['/spec/devices/watchdog/model', { devices: { watchdog: { model: 'itco', action: 'reset' } } }],
    ['/spec/cpu', { cpu: { sockets: 2, cores: 64, threads: 2 } }],
    ['/spec/ha', { ha: { enabled: true } }],
    ['/spec/drs', { drs: {} }],
  ])('refuses %s by name, because its work is not built', (field, input) => {
    given().when(create(input)).thenRejected({ code: 'UNSUPPORTED_FIELD', field });
  });

  it('takes every field whose work is built', () => {
    const input: VmSpecInput = {
      cpu: { sockets: 2, cores: 2, threads: 2, model: 'qemu64' },
      memory: { sizeMiB: 256 },
      firmware: { type: 'bios', secureBoot: false },
      disks: [{ name: 'root', image: 'guest', cache: 'none', ioLimits: { readIops: 100 } }],
      nics: [{ network: 'default', mac: '52:54:00:12:34:56', rate: { inboundKiBps: 100 } }],
      console: { serial: false },
      devices: { rng: false, watchdog: { model: 'i6300esb', action: 'reset' } },
      labels: { app: 'web' },
      placement: { zone: 'a', policy: 'pack' },
      metadata: { description: 'a web server', annotations: { owner: 'ada' } },
    };
    given()
      .when(create(input))
      .then(fact.requested(true, input), began('create', 'vm.create', 600_000));
  });
});

describe('power commands', () => {
  it('starts a stopped VM', () => {
    given(...history.stopped())
      .when(on('start'))
      .then(fact.startRequested(), began('start', 'vm.start', 120_000));
  });

  it('stops a running VM, with the grace period on top of the time it has', () => {
    given(...history.running())
      .when(stop('graceful'))
      .then(fact.stopRequested('graceful'), began('stop', 'vm.stop', 150_000));
    given(...history.running())
      .when(stop('force'))
      .then(fact.stopRequested('force'), began('stop', 'vm.stop', 120_000));
  });

  it('accepts with no operation what is already so', () => {
    given(...history.running())
      .when(on('start'))
      .then();
    given(...history.stopped())
      .when(stop('graceful'))
      .then();
    given(...history.paused())
      .when(on('pause', 'pause again'))
      .then();
    given(...history.running())
      .when(on('resume'))
      .then();
  });

  it('records the wish where only the observation agrees, because desired must change', () => {
    const startedByHand: VmFact = fact.started(9);
    given(...history.stopped(), startedByHand)
      .when(on('start'))
      .then(fact.startRequested(), began('start', 'vm.start', 120_000));
    given(...history.running(), fact.stopped(9))
      .when(stop('force'))
      .then(fact.stopRequested('force'), began('stop', 'vm.stop', 120_000));
  });

  it('force-stops a VM that is stopped by all that is known, where a process of it was found', () => {
    const found: VmFact = {
      type: 'VmDriftFound',
      data: { source: source(9), hostId: hostA, kind: 'untracked-process', detail: 'a process runs' },
    };
    given(...history.stopped(), found)
      .when(stop('force'))
      .then(fact.stopRequested('force'), began('stop', 'vm.stop', 120_000));
  });

  it.each([
    ['start', history.paused, on('start'), 'resume it'],
    ['graceful stop', history.paused, stop('graceful'), 'resume the VM first, or force the stop'],
    ['reboot', history.stopped, reboot(), 'start it first'],
    ['reboot', history.paused, reboot(), 'resume it first'],
    ['reset', history.stopped, on('reset'), 'start it first'],
    ['pause', history.stopped, on('pause'), 'start it first'],
    ['resume', history.stopped, on('resume'), 'start it'],
  ] as const)('refuses a %s in the wrong state and names the remedy', (_, past, refused, remedy) => {
    const outcome = given(...past()).when(refused);
    outcome.thenRejected({ code: 'VM_WRONG_STATE' });
    expect(JSON.stringify(outcome.decision)).toContain(remedy);
  });

  it('reboots, resets, pauses and resumes a VM that is in the state for it', () => {
    given(...history.running())
      .when(reboot())
      .then({ type: 'VmRebootRequested', data: { gracePeriodMs: 5_000 } }, began('reboot', 'vm.reboot', 125_000));
    given(...history.running())
      .when(on('reset'))
      .then({ type: 'VmResetRequested', data: {} }, began('reset', 'vm.reset', 120_000));
    given(...history.running())
      .when(on('pause'))
      .then(fact.pauseRequested(), began('pause', 'vm.pause', 120_000));
    given(...history.paused())
      .when(on('resume'))
      .then({ type: 'VmResumeRequested', data: {} }, began('resume', 'vm.resume', 120_000));
  });

  it('knows no VM that was never requested, is deleted, or belongs to another project', () => {
    const elsewhere = { ...on('start'), projectId: 'other' as ProjectId };
    given().when(on('start')).thenRejected({ code: 'VM_NOT_FOUND' });
    given(...history.running())
      .when(elsewhere)
      .thenRejected({ code: 'VM_NOT_FOUND' });
    given(
      ...history.running(),
      fact.deleteRequested(),
      began('delete', 'vm.delete', 1),
      fact.succeeded('delete'),
      fact.deleted(5),
    )
      .when(on('start'))
      .thenRejected({ code: 'VM_NOT_FOUND' });
  });
});

describe('one operation at a time', () => {
  const starting = [...history.stopped(), fact.startRequested(), fact.began('start', 'vm.start')];
  const stopping = [...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')];

  it('answers VM_BUSY with the operation that holds the VM', () => {
    const busy = { code: 'VM_BUSY', data: { operationId: operationOf('stop'), kind: 'vm.stop' } };
    for (const other of [
      on('start'),
      reboot(),
      on('reset'),
      on('pause'),
      on('resume'),
      stop('graceful', 'stop again'),
    ]) {
      given(...stopping)
        .when(other)
        .thenRejected(busy);
    }
  });

  it('lets a stop take the place of a start, which ends as cancelled in the same append', () => {
    given(...starting)
      .when(stop('graceful'))
      .then(superseded('start', 'stop'), fact.stopRequested('graceful'), began('stop', 'vm.stop', 150_000, 'start'));
  });

  it('lets a forced stop take the place of any operation', () => {
    given(...stopping)
      .when(stop('force', 'force'))
      .then(superseded('stop', 'force'), fact.stopRequested('force'), began('force', 'vm.stop', 120_000, 'stop'));
    given(...history.placed())
      .when(stop('force', 'force'))
      .then(superseded('create', 'force'), fact.stopRequested('force'), began('force', 'vm.stop', 120_000, 'create'));
  });

  it('lets no stop take the place of a removal, which stops the VM itself', () => {
    const deleting = [...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')];
    const undoing: VmFact[] = [
      ...history.placed(),
      { type: 'OperationCancelRequested', data: { operationId: operationOf('create'), because: 'user' } },
    ];
    for (const [name, kind, removing] of [
      ['delete', 'vm.delete', deleting],
      ['create', 'vm.create', undoing],
    ] as const) {
      const data = { operationId: operationOf(name), kind };
      const why = 'it removes the VM: wait for it, or delete the VM in its place';
      const detail = `operation ${operationOf(name)} (${kind}) holds this VM; ${why}`;
      for (const mode of ['force', 'graceful'] as const) {
        given(...removing)
          .when(stop(mode))
          .thenRejected({ code: 'VM_BUSY', detail, data });
      }
    }
  });

  it('ends a forced stop at once where no host was given the VM', () => {
    given(...history.requested())
      .when(stop('force', 'force'))
      .then(
        superseded('create', 'force'),
        fact.stopRequested('force'),
        began('force', 'vm.stop', 120_000, 'create'),
        fact.succeeded('force'),
      );
  });

  it('lets a delete take the place of any operation', () => {
    given(...stopping)
      .when(on('delete'))
      .then(superseded('stop', 'delete'), fact.deleteRequested(), began('delete', 'vm.delete', 300_000, 'stop'));
  });

  it('deletes at once a VM that no host was given', () => {
    given(...history.requested())
      .when(on('delete'))
      .then(
        superseded('create', 'delete'),
        fact.deleteRequested(),
        began('delete', 'vm.delete', 300_000, 'create'),
        fact.succeeded('delete'),
        fact.deleted(),
      );
  });

  it('decides nothing anew when a command is repeated, while its operation is open or after', () => {
    given(...stopping)
      .when(stop('graceful'))
      .then();
    given(...stopping, fact.stopped(3), fact.succeeded('stop'), fact.startRequested(), fact.began('start', 'vm.start'))
      .when(stop('graceful'))
      .then();
  });

  it('answers the repeat of a delete when the VM is gone', () => {
    given(
      ...history.running(),
      fact.deleteRequested(),
      began('delete', 'vm.delete', 1),
      fact.succeeded('delete'),
      fact.deleted(5),
    )
      .when(on('delete'))
      .then();
  });
});

describe('cancel', () => {
  const starting = [...history.stopped(), fact.startRequested(), fact.began('start', 'vm.start')];

  it('ends a create that has no host at once, and frees its name', () => {
    given(...history.requested())
      .when(cancel('create'))
      .then(fact.cancelled('create'), fact.deleted());
  });

  it('has a create that may have reached its host undone', () => {
    given(...history.placed())
      .when(cancel('create'))
      .then({ type: 'OperationCancelRequested', data: { operationId: operationOf('create'), because: 'user' } });
  });

  it('ends another operation at once while the host has not taken it', () => {
    given(...starting)
      .when(cancel('start'))
      .then(fact.cancelled('start'));
  });

  it('says what may still happen where the host has not answered', () => {
    const { decision } = given(...starting).when(cancel('start', { delivery: 'unanswered' }));
    expect(decision).toMatchObject({ events: [{ type: 'OperationCancelled', data: { left: [expect.any(String)] } }] });
  });

  it('refuses once the host has taken it, and once it has ended', () => {
    given(...starting)
      .when(cancel('start', { delivery: 'taken' }))
      .thenRejected({ code: 'OPERATION_NOT_CANCELLABLE' });
    given(...history.running())
      .when(cancel('create'))
      .thenRejected({ code: 'OPERATION_NOT_CANCELLABLE' });
  });

  it('is already so for an operation that was cancelled or is being undone', () => {
    given(...starting, fact.cancelled('start'))
      .when(cancel('start'))
      .then();
    given(...history.placed(), {
      type: 'OperationCancelRequested',
      data: { operationId: operationOf('create'), because: 'user' },
    })
      .when(cancel('create'))
      .then();
    given(...history.requested(), fact.cancelled('create'), fact.deleted())
      .when(cancel('create'))
      .then();
  });

  it('knows no operation that this VM never had', () => {
    given(...history.running())
      .when(cancel('nothing'))
      .thenRejected({ code: 'OPERATION_NOT_FOUND' });
  });
});
