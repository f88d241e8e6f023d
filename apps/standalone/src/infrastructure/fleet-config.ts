/** Writes `drover.yaml`, which every service of one home reads (variable `DROVER_CONFIG`). It names secrets' files, never secrets. */
import path from 'node:path';
import { replaceFile } from './files.js';
import { credentialsFileOf, hostCredentialsFileOf } from './fleet-secrets.js';
import type { FleetHost, FleetState, HypervisorKind } from './fleet-state.js';
import type { Home } from './home.js';
import { serviceNames } from './nats-permissions.js';
import { natsUrl } from './nats-server.runner.js';

export interface FleetConfigInput {
  readonly home: Home;
  readonly state: FleetState;
  readonly subjectPrefix: string;
  readonly hypervisor: HypervisorKind;
  readonly hosts: readonly FleetHost[];
  /** Of the libvirt daemon; absent for a simulated fleet. */
  readonly libvirtSocket?: string;
  /** Pools of a libvirt host beside `default`. */
  readonly furtherPools?: readonly FurtherPool[];
}

/** As `hypervisor.pools` of the node agent's configuration has it. */
export interface FurtherPool {
  readonly name: string;
  readonly libvirtName?: string;
  readonly path?: string;
  readonly reservedMiB?: number;
}

/** JSON is YAML: quotes whatever needs it. */
const quoted = (value: string) => JSON.stringify(value);

export function fleetConfigText(input: FleetConfigInput): string {
  const { home, state, hosts } = input;
  const credentials = serviceNames.map((name) => `    ${name}: { file: ${quoted(credentialsFileOf(home, name))} }`);
  const hostLines = hosts.map(
    ({ id, name }) => `  - id: ${id}
    name: ${quoted(name)}
    credentialsFile: ${quoted(hostCredentialsFileOf(home, id))}
    journalFolder: ${quoted(path.join(home.journalFolder, id))}`,
  );
  return `# Written by ./drover up at each start; what you change here is lost. Environment variables override it.
fleetId: ${state.fleetId}
home: ${quoted(home.root)}
subjectPrefix: ${input.subjectPrefix}
nats:
  url: ${quoted(natsUrl(state.ports.nats))}
  credentials:
${credentials.join('\n')}
database:
  urlFile: ${quoted(home.databaseUrlFile)}
api:
  host: 127.0.0.1
  port: ${state.ports.api}
  tokenFile: ${quoted(home.apiTokenFile)}
hypervisor:
  kind: ${input.hypervisor}
  imageFolder: ${quoted(home.imageFolder)}
  poolFolder: ${quoted(home.poolFolder)}
${input.furtherPools === undefined ? '' : `  pools: ${JSON.stringify([{ name: 'default', path: home.poolFolder }, ...input.furtherPools])}\n`}${input.libvirtSocket === undefined ? '' : `  libvirtSocket: ${quoted(input.libvirtSocket)}\n`}hosts:
${hostLines.join('\n')}
nodeAgent:
  controlPlaneMemoryMiB: ${input.hypervisor === 'libvirt' ? CONTROL_PLANE_MIB : 0}
`;
}

/** What the services, PostgreSQL and nats-server take beside the VMs of this machine, in a fleet of moderate size. */
const CONTROL_PLANE_MIB = 1024;

export async function writeFleetConfig(input: FleetConfigInput): Promise<void> {
  await replaceFile(input.home.configFile, fleetConfigText(input));
}
