/** What a home must remember from one start to the next: who the fleet is, its ports, its hosts. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { readIfPresent, replaceFile } from './files.js';
import type { Home } from './home.js';
import { choosePorts } from './ports.js';
import type { IsFree, Ports } from './ports.js';

export type HypervisorKind = 'libvirt' | 'simulated';

export interface FleetHost {
  readonly id: string;
  readonly name: string;
  readonly hypervisor: HypervisorKind;
}

export interface FleetState {
  /** Written into every domain that is ours; a domain without it is never touched. */
  readonly fleetId: string;
  readonly ports: Ports;
  /** Every host that this home ever ran, so that each keeps its id. */
  readonly hosts: readonly FleetHost[];
}

export interface HostsWanted {
  readonly hypervisor: HypervisorKind;
  readonly count: number;
}

/** Reads the state, completes it (fleet id, free ports, hosts) and stores it. Idempotent. */
export async function ensureFleetState(home: Home, wanted: HostsWanted, isFree?: IsFree): Promise<FleetState> {
  const stored = await readFleetState(home);
  const state: FleetState = {
    fleetId: stored?.fleetId ?? randomUUID(),
    ports: await choosePorts(stored?.ports ?? {}, isFree),
    hosts: completeHosts(stored?.hosts ?? [], wanted),
  };
  await replaceFile(home.stateFile, `${JSON.stringify(state, undefined, 2)}\n`);
  return state;
}

export async function readFleetState(home: Home): Promise<FleetState | undefined> {
  const text = await readIfPresent(home.stateFile);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as FleetState;
  } catch (error) {
    throw new Error(`${home.stateFile} is not readable JSON; restore it, or move the whole folder away`, {
      cause: error,
    });
  }
}

/** The hosts that run this time. */
export function hostsToRun(state: FleetState, wanted: HostsWanted): readonly FleetHost[] {
  return state.hosts.filter((host) => host.hypervisor === wanted.hypervisor).slice(0, wanted.count);
}

function completeHosts(known: readonly FleetHost[], wanted: HostsWanted): readonly FleetHost[] {
  const sameKind = known.filter((host) => host.hypervisor === wanted.hypervisor).length;
  const missing = Array.from({ length: Math.max(0, wanted.count - sameKind) }, (_, index) => ({
    id: randomUUID(),
    name: hostName(wanted.hypervisor, sameKind + index + 1),
    hypervisor: wanted.hypervisor,
  }));
  return [...known, ...missing];
}

/** A DNS label, as every name in Drover. */
function hostName(kind: HypervisorKind, number: number): string {
  if (kind === 'simulated') return `sim-${String(number).padStart(3, '0')}`;
  const label = hostname()
    .split('.')[0]
    ?.toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, 63);
  return label?.replace(/^-+|-+$/g, '') || 'host';
}
