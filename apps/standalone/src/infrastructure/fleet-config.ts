/** Writes `drover.yaml` and `node-agent.yaml`, which the services of one home read (variable `DROVER_CONFIG`). They name secrets' files, never secrets. */
import { builtServices, processNames } from '@drover/contracts';
import { replaceFile } from './files.js';
import { credentialsFileOf, hostCredentialsFileOf } from './fleet-credentials.js';
import { databaseUrlFileOf } from './fleet-database.js';
import type { FleetHost, FleetState, HypervisorKind } from './fleet-state.js';
import { agentFolderOf, journalFolderOf, type Home } from './home.js';
import { EVENT_RELAY } from './nats-permissions.js';
import { natsUrl } from './nats-server.runner.js';
import { agentService } from './service-parts.js';
import { shareWith, type ServiceUsers } from './system-users.js';

export interface FleetConfigInput {
  readonly home: Home;
  readonly state: FleetState;
  readonly subjectPrefix: string;
  readonly hypervisor: HypervisorKind;
  readonly hosts: readonly FleetHost[];
  readonly users: ServiceUsers;
  /** Of the libvirt daemon; absent for a simulated fleet. */
  readonly libvirtSocket?: string;
  /** Pools of a libvirt host besides `default`. */
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

const heading = `# Written by ./drover up at each start; what you change here is lost. Environment variables override it.
`;

/** On any free port of each process, so that one that is taken keeps nothing from starting; `./drover status` says which it is. */
function metricsText(processes: readonly string[]): string {
  return `observability:
  metrics:
    ports: { ${processes.map((name) => `${name}: 0`).join(', ')} }
`;
}

/** Of the control plane. */
export function fleetConfigText({ home, state, subjectPrefix }: FleetConfigInput): string {
  const credentials = [...builtServices, EVENT_RELAY].map(
    (name) => `    ${name}: { file: ${quoted(credentialsFileOf(home, name))} }`,
  );
  const urlFiles = builtServices.map((name) => `    ${name}: ${quoted(databaseUrlFileOf(home, name))}`);
  return `${heading}fleetId: ${state.fleetId}
home: ${quoted(home.root)}
subjectPrefix: ${subjectPrefix}
nats:
  url: ${quoted(natsUrl(state.ports.nats))}
  credentials:
${credentials.join('\n')}
database:
  urlFiles:
${urlFiles.join('\n')}
orders:
  keyFile: ${quoted(home.orderKeyFile)}
api:
  host: 127.0.0.1
  port: ${state.ports.api}
  socket: ${quoted(home.apiSocket)}
  tokenFile: ${quoted(home.apiTokenFile)}
${metricsText(processNames.filter((name) => name !== agentService))}`;
}

/** Of the node agents, who have nothing to do with the database or the API. */
export function agentConfigText(input: FleetConfigInput): string {
  const { home, state, hypervisor, hosts } = input;
  const hostLines = hosts.map(
    ({ id, name }) => `  - id: ${id}
    name: ${quoted(name)}
    credentialsFile: ${quoted(hostCredentialsFileOf(home, id))}
    journalFolder: ${quoted(journalFolderOf(home, hypervisor, id))}`,
  );
  return `${heading}home: ${quoted(agentFolderOf(home, hypervisor))}
subjectPrefix: ${input.subjectPrefix}
nats:
  url: ${quoted(natsUrl(state.ports.nats))}
orders:
  publicKeysFile: ${quoted(home.orderPublicKeysFile)}
hypervisor:
  kind: ${hypervisor}
  imageFolder: ${quoted(home.imageFolder)}
  poolFolder: ${quoted(home.poolFolder)}
${input.furtherPools === undefined ? '' : `  pools: ${JSON.stringify([{ name: 'default', path: home.poolFolder }, ...input.furtherPools])}\n`}${input.libvirtSocket === undefined ? '' : `  libvirtSocket: ${quoted(input.libvirtSocket)}\n`}hosts:
${hostLines.join('\n')}
${metricsText([agentService])}nodeAgent:
  controlPlaneMemoryMiB: ${input.hypervisor === 'libvirt' ? CONTROL_PLANE_MIB : 0}
`;
}

/** What the services, PostgreSQL and nats-server take in addition to the VMs of this machine, in a fleet of moderate size. */
const CONTROL_PLANE_MIB = 1024;

export async function writeFleetConfig(input: FleetConfigInput): Promise<void> {
  const { home, users } = input;
  for (const [file, text] of [
    [home.configFile, fleetConfigText(input)],
    [home.agentConfigFile, agentConfigText(input)],
  ] as const) {
    await replaceFile(file, text, 0o600);
    await shareWith(users.drover, file, 'file');
  }
}
