/** What the running `up` of a home was asked for: a second `up` shows it, and refuses what it cannot change. */
import path from 'node:path';
import { readIfPresent, replaceFile } from './files.js';
import type { HypervisorKind } from './fleet-state.js';
import type { Home } from './home.js';

export interface RunningFleet {
  readonly hypervisor: HypervisorKind;
  readonly hosts: number;
  /** A process per service. */
  readonly split: boolean;
}

const fileOf = (home: Home) => path.join(home.runFolder, 'fleet.json');

/** Before the first process is started; holds while processes of the home run. */
export function recordRunningFleet(home: Home, { hypervisor, hosts, split }: RunningFleet): Promise<void> {
  return replaceFile(fileOf(home), `${JSON.stringify({ hypervisor, hosts, split }, undefined, 2)}\n`, 0o600);
}

export async function readRunningFleet(home: Home): Promise<RunningFleet | undefined> {
  const text = await readIfPresent(fileOf(home));
  return text === undefined ? undefined : (JSON.parse(text) as RunningFleet);
}

export function describeFleet({ hypervisor, hosts, split }: RunningFleet): string {
  const kind =
    hypervisor === 'libvirt' ? 'libvirt (this machine)' : `simulated, ${hosts} host${hosts === 1 ? '' : 's'}`;
  return split ? `${kind}, a process per service` : `${kind}, the control plane in one process`;
}

/** Why `wished` cannot be had together with what runs; undefined when it is what runs. What is absent is not wished for. */
export function differenceFrom(running: RunningFleet, wished: Partial<RunningFleet>): string | undefined {
  const isSame =
    (wished.hypervisor ?? running.hypervisor) === running.hypervisor &&
    (wished.hosts ?? running.hosts) === running.hosts &&
    (wished.split ?? running.split) === running.split;
  return isSame ? undefined : `it runs already, as ${describeFleet(running)}; to change that, run ./drover down first`;
}
