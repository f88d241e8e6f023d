import { beforeEach, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, vmIdSchema, type FleetId, errors } from '@drover/contracts';
import type { HypervisorSignal } from '@drover/hypervisor';
import { domainName } from '@drover/libvirt-xml';
import { LibvirtSignals } from './libvirt-signals.adapter.js';

const ourFleet = fleetIdSchema.parse('00000000-0000-4000-8000-00000000000f');
const vmId = vmIdSchema.parse('00000000-0000-4000-8000-000000000001');
const domain = { name: domainName(vmId), uuid: vmId };
/** `virDomainEventType` and its details. */
const STARTED = 2;
const STOPPED = 5;

describe("libvirt's events", () => {
  let nowMs: number;
  let told: string[];
  beforeEach(() => {
    nowMs = 0;
    told = [];
  });

  const signalsOf = (fleetOf: () => Promise<FleetId | undefined>) =>
    new LibvirtSignals(
      ourFleet,
      fleetOf,
      (signal: HypervisorSignal) => told.push(signal.kind === 'vm-changed' ? signal.change : signal.kind),
      { firmwareResetMs: 1000, nowMs: () => nowMs },
    );
  const settled = () => new Promise(setImmediate);

  it('that tell of resets close to each other are one reboot', async () => {
    const signals = signalsOf(() => Promise.resolve(ourFleet));
    for (const atMs of [0, 800, 1_600]) {
      nowMs = atMs;
      signals.rebooted(domain);
    }
    nowMs = 2_700;
    signals.rebooted(domain);
    await settled();
    expect(told).toEqual(['rebooted', 'rebooted']);
  });

  it('that tell of resets are not confused between two starts, or between two VMs', async () => {
    const signals = signalsOf(() => Promise.resolve(ourFleet));
    const otherId = vmIdSchema.parse('00000000-0000-4000-8000-000000000002');
    signals.rebooted(domain);
    signals.rebooted({ name: domainName(otherId), uuid: otherId });
    signals.lifecycle(domain, STOPPED, 0);
    signals.lifecycle(domain, STARTED, 0);
    signals.rebooted(domain);
    await settled();
    expect(told).toEqual(['rebooted', 'rebooted', 'stopped', 'started', 'rebooted']);
  });

  it('are kept in order while the first of a domain waits for a look at its mark', async () => {
    const look = Promise.withResolvers<FleetId>();
    const signals = signalsOf(() => look.promise);
    signals.lifecycle(domain, STARTED, 0);
    signals.lifecycle(domain, STOPPED, 0);
    await settled();
    expect(told).toEqual([]);
    look.resolve(ourFleet);
    await settled();
    expect(told).toEqual(['started', 'stopped']);
  });

  it('ask for a full list where the look at the mark fails, and go on', async () => {
    const answers = [Promise.reject(errors.HYPERVISOR_UNAVAILABLE('unknown', 'cut')), Promise.resolve(ourFleet)];
    const signals = signalsOf(() => answers.shift() ?? Promise.resolve(undefined));
    signals.lifecycle(domain, STARTED, 0);
    signals.lifecycle(domain, STOPPED, 0);
    await settled();
    expect(told).toEqual(['connected', 'stopped']);
  });

  it("of others' domains are not told, whatever they are called", async () => {
    const foreign = signalsOf(() => Promise.resolve(fleetIdSchema.parse('00000000-0000-4000-8000-00000000000e')));
    foreign.lifecycle(domain, STARTED, 0);
    const renamed = signalsOf(() => Promise.resolve(ourFleet));
    renamed.lifecycle({ ...domain, name: 'drover-something' }, STARTED, 0);
    await settled();
    expect(told).toEqual([]);
  });
});
