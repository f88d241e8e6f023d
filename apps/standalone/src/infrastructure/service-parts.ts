/** The processes that Drover's services run in on one machine: what each is given, and when it serves. */
import path from 'node:path';
import { request } from 'node:http';
import { builtServices, type BuiltService } from '@drover/contracts';
import { plainEnvironment, type BackgroundCommand } from './background-process.js';
import type { HypervisorKind } from './fleet-state.js';
import { agentFolderOf, type Home } from './home.js';
import { isListening } from './listening-socket.js';
import { readNatsAuthority } from './nats-keys.js';
import type { ProcessIdentity } from './process-identity.js';
import type { ServiceUsers, SystemUser } from './system-users.js';

export const agentService = 'node-agent';
export type ServiceKey = BuiltService | 'credential-keeper' | typeof agentService;

/** The gateway last: what it serves is there once the others are. */
const controlServices: readonly ServiceKey[] = [
  ...builtServices.filter((name) => name !== 'api-gateway'),
  'credential-keeper',
  'api-gateway',
];

/**
 * Half of what Node.js lets each half of the space of young objects grow to. A service's objects are old or short-lived: each
 * process holds a fifth less memory, and a create costs the same CPU.
 */
const YOUNG_MIB = 8;

export interface ServicePart {
  readonly name: string;
  readonly services: readonly ServiceKey[];
}

/** In the order in which they start. The agents never share a process with the others: on a real host they are root. */
export function serviceParts(split: boolean): readonly ServicePart[] {
  const control = split
    ? controlServices.map((name) => ({ name, services: [name] }))
    : [{ name: 'control-plane', services: controlServices }];
  return [...control, { name: agentService, services: [agentService] }];
}

export interface PartOptions {
  readonly home: Home;
  readonly users: ServiceUsers;
  readonly hypervisor: HypervisorKind;
  /** Where the compiled services are for this part's user; see `programFolderFor`. */
  readonly programFolder: string;
  readonly logFile: string;
  /** Logs of others that this part keeps bounded in addition to its own. */
  readonly otherLogs?: readonly string[];
  /** Settings (`DROVER_…`) are taken from it. */
  readonly environment: NodeJS.ProcessEnv;
}

/** The agent of a real host drives libvirt, images and disks as root; everything else has no need of that. */
export function userOf(part: ServicePart, { users, hypervisor }: Pick<PartOptions, 'users' | 'hypervisor'>) {
  return isAgent(part) && hypervisor === 'libvirt' ? undefined : users.drover;
}

export function serviceCommand(part: ServicePart, options: PartOptions): BackgroundCommand {
  const { home, programFolder, logFile, otherLogs = [] } = options;
  const user: SystemUser | undefined = userOf(part, options);
  const main = path.join(programFolder, 'apps', 'standalone', 'dist', 'main.js');
  return {
    name: part.name,
    command: path.join(programFolder, 'node_modules', '.bin', 'node'),
    args: [
      ...['--enable-source-maps', `--max-semi-space-size=${YOUNG_MIB}`, main, '--notify'],
      ...part.services.flatMap((name) => ['--service', name]),
      ...[logFile, ...otherLogs].flatMap((file) => ['--log', file]),
    ],
    env: {
      ...plainEnvironment(),
      ...settingsFor(part, options.environment),
      DROVER_CONFIG: isAgent(part) ? home.agentConfigFile : home.configFile,
    },
    cwd: isAgent(part) ? agentFolderOf(home, options.hypervisor) : path.dirname(home.apiSocket),
    logFile,
    notifies: true,
    ...(user === undefined ? {} : { user, logKeeper: user }),
  };
}

/** Variables that override the configuration. Those of the home itself and of clients are none, and hosts have no database. */
export function settingsFor(part: ServicePart, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const none = /^DROVER_(CONFIG|HOME|URL|TOKEN|TOKEN_FILE|PROJECT|OUTPUT|IMAGE_FOLDER)$/;
  const foreign = isAgent(part) ? /^DROVER_(DATABASE|API|NATS_CREDENTIALS)_/ : /^$/;
  const isSetting = ([name]: [string, unknown]) =>
    name.startsWith('DROVER_') && !none.test(name) && !foreign.test(name);
  return Object.fromEntries(Object.entries(environment).filter(isSetting));
}

/** The gateway serves once the port is this process's own, and it says so itself; another part once it has said that it works. */
export async function isServing(
  part: ServicePart,
  identity: ProcessIdentity,
  home: Home,
  apiPort: number,
): Promise<boolean> {
  // Until it has read which hosts are shut out, no host has a login, and its agent could not sign in.
  if (part.services.includes('credential-keeper') && (await readNatsAuthority(home))?.refusedHosts === 'lost')
    return false;
  if (!part.services.includes('api-gateway')) return true;
  return (await isListening(identity.pid, apiPort)) && (await askApi(home, '/readyz'))?.status === 200;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Asks this home's API over its socket, which stands in a folder that only this home's users enter: so a token may be sent.
 * Undefined when no process answers.
 */
export function askApi(home: Home, target: string, token?: string, timeoutMs = 10_000): Promise<ApiAnswer | undefined> {
  return new Promise((resolve) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const asked = request({ socketPath: home.apiSocket, path: target, headers, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', () => resolve(undefined));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('close', () => resolve(undefined));
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

function isAgent(part: ServicePart): boolean {
  return part.services.includes(agentService);
}
