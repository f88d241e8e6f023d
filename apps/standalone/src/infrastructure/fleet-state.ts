/** What a home must remember from one start to the next: who the fleet is, its ports, its hosts. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { readIfPresent, replaceFile } from './files.js';
import { agentFolderOf, type Home } from './home.js';
import { choosePorts, freePort } from './ports.js';
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
  /** How long credentials on NATS are good, a person's to write; absent: 30. They are renewed at half of it. */
  readonly credentialDays?: number;
  /** Every host that this home ever ran, so that each keeps its id. */
  readonly hosts: readonly FleetHost[];
}

/** Seconds. Refuses what no credentials can live by. */
export function credentialLifetimeS({ credentialDays = 30 }: Pick<FleetState, 'credentialDays'>): number {
  if (!(credentialDays > 0 && credentialDays <= 3650))
    throw new Error(
      `credentialDays in state.json is a number of days up to 3650, not ${JSON.stringify(credentialDays)}`,
    );
  return Math.max(1, Math.round(credentialDays * 86_400));
}

export interface HostsWanted {
  readonly hypervisor: HypervisorKind;
  readonly count: number;
}

/** Reads the state, completes it (fleet id, free ports, hosts) and stores it. Idempotent. */
export async function ensureFleetState(home: Home, wanted: HostsWanted, isFree?: IsFree): Promise<FleetState> {
  const stored = await readFleetState(home);
  const fleetId = stored?.fleetId ?? randomUUID();
  const known = stored?.hosts ?? [];
  const missing = await missingHosts(home, fleetId, known, wanted);
  const state: FleetState = {
    ...stored,
    fleetId,
    ports: await choosePorts(stored?.ports ?? {}, isFree),
    hosts: [...known, ...missing],
  };
  await replaceFile(home.stateFile, `${JSON.stringify(state, undefined, 2)}\n`);
  return state;
}

/** Takes another port for one that somebody else was quicker to listen on. */
export async function changePort(home: Home, state: FleetState, which: keyof Ports): Promise<FleetState> {
  const ports = { ...state.ports, [which]: await freePort() };
  const changed: FleetState = { ...state, ports };
  await replaceFile(home.stateFile, `${JSON.stringify(changed, undefined, 2)}\n`);
  return changed;
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

/**
 * A host's id follows from its machine, so that a host keeps it when its home is made anew; that of a simulated one from
 * the fleet and its number. Hosts that the home knows keep the ids that they have.
 */
async function missingHosts(
  home: Home,
  fleetId: string,
  known: readonly FleetHost[],
  { hypervisor, count }: HostsWanted,
): Promise<readonly FleetHost[]> {
  const sameKind = known.filter((host) => host.hypervisor === hypervisor).length;
  if (sameKind >= count) return [];
  // Loaded only where a host is new: every command of the launcher reads the state.
  const { hostIdOf, machineIdOf } = await import('@drover/node-agent');
  const numbers = Array.from({ length: count - sameKind }, (_, index) => sameKind + index + 1);
  return Promise.all(
    numbers.map(async (number) => ({
      id: hostIdOf(
        hypervisor === 'libvirt' ? await machineIdOf(agentFolderOf(home, 'libvirt')) : `${fleetId}/${number}`,
      ),
      name: hostName(hypervisor, number),
      hypervisor,
    })),
  );
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
