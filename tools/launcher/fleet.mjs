// Starts the parts of one home that do not run, in order: message bus, database, hypervisor daemon, services.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  askApi,
  configure,
  endingOf,
  findLibvirtSocket,
  isLibvirtUsed,
  isRunning,
  isServing,
  onFreePort,
  prepareInstallation,
  programFolderFor,
  readFleetState,
  recordRunningFleet,
  serviceCommand,
  serviceParts,
  startInBackground,
  startLibvirtd,
  startNatsServer,
  startPostgresServer,
  tail,
  userOf,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { prepareEventStore } from './event-store.mjs';
import { step } from './progress.mjs';
import { LauncherError, root } from './run.mjs';

const readyTimeoutMs = 120_000;
const hostsTimeoutMs = 60_000;

/**
 * What runs already is left as it is. If something does not start, what was started here is stopped again.
 *
 * @returns why not all hosts take VMs, in words; undefined when all do.
 */
export async function startFleet({ home, table, running, interrupted }) {
  const { hypervisor, hosts: count, split } = running;
  const kept = new Set((await table.list()).filter(({ identity }) => isRunning(identity)).map(({ name }) => name));
  const started = [];
  const log = (name) => path.join(home.logFolder, `${name}.log`);
  const recorder =
    (name, how = {}) =>
    async (identity) => {
      started.push(name);
      await table.add({ name, identity, logFile: log(name), stopSignal: 'SIGTERM', patienceMs: 15_000, ...how });
    };
  /** Whatever waits for readiness is interrupted by Ctrl-C. */
  const unlessInterrupted = (isReady) => (identity) => {
    interrupted.throwIfAborted();
    return isReady(identity);
  };
  const part = async (name, title, work) => {
    interrupted.throwIfAborted();
    if (!kept.has(name)) await step(title, work);
  };

  try {
    let installation;
    await step('home, users and credentials', async (tell) => {
      const before = (await readFleetState(home))?.ports;
      const report = (done, all) => (done % 100 === 0 || done === all) && tell(`${done} of ${all} credentials`);
      installation = await prepareInstallation(home, { hypervisor, count }, { isPartlyRunning: kept.size > 0, report });
      const { api } = installation.state.ports;
      if (before !== undefined && before.api !== api)
        tell(`port ${before.api} is taken: the API listens on ${api} now`);
    });
    const { users } = installation;
    await recordRunningFleet(home, running);
    const onTaken = (tell) => (port, holder) => tell(`port ${port} is taken by ${holder}; trying another`);

    await part('nats-server', 'nats-server', async (tell) => {
      const start = ({ authority, state }) =>
        startNatsServer({
          ...{ folder: home.natsFolder, port: state.ports.nats, authority, users },
          ...{ logFile: log('nats-server'), onLaunched: recorder('nats-server') },
        });
      installation = await onFreePort(installation, kept.size > 0 ? undefined : 'nats', start, onTaken(tell));
    });
    await part('postgresql', 'PostgreSQL', async (tell) => {
      if (process.env.DATABASE_URL) return tell('the one that DATABASE_URL names');
      // A fast shutdown: does not wait for clients, writes a checkpoint.
      const how = { stopSignal: 'SIGINT', patienceMs: 60_000, postgresFolder: home.postgresFolder };
      const onLaunched = recorder('postgresql', how);
      await startPostgresServer({ folder: home.postgresFolder, users, logFile: log('postgresql'), onLaunched });
    });
    interrupted.throwIfAborted();
    await prepareEventStore({ home, users });
    if (hypervisor === 'libvirt') {
      await step('libvirt', async (tell) => {
        const libvirtSocket =
          (await findLibvirtSocket()) ??
          (await startLibvirtd(home.logFolder, (name, identity) => recorder(name)(identity)));
        tell(libvirtSocket);
        installation = { ...installation, libvirtSocket };
      });
    }

    for (const service of serviceParts(split)) {
      await part(service.name, service.name, async (tell) => {
        const user = userOf(service, { users, hypervisor });
        const programFolder = await programFolderFor(user, root, home.root);
        const start = async (tried) => {
          await configure(tried);
          const command = serviceCommand(service, {
            ...{ home, users, hypervisor, programFolder, environment: process.env },
            ...{ logFile: log(service.name), otherLogs: otherLogsOf(service, hypervisor).map(log) },
          });
          const isReady = (identity) => isServing(service, identity, home, tried.state.ports.api);
          const onLaunched = recorder(service.name);
          await startInBackground({ ...command, onLaunched }, unlessInterrupted(isReady), readyTimeoutMs);
        };
        const port = service.services.includes('api-gateway') ? 'api' : undefined;
        installation = await onFreePort(installation, port, start, onTaken(tell));
      });
    }
    const { hosts, token } = installation;
    return await step(hosts.length === 1 ? 'host' : `${hosts.length} hosts`, (tell) =>
      whyHostsAreMissing({ home, table, token, count: hosts.length, interrupted, tell }),
    );
  } catch (error) {
    await stopAgain(table, started);
    throw error;
  }
}

/** Of parts that cannot keep their own logs bounded; the daemons of libvirt are root's, as its agent is. */
function otherLogsOf(service, hypervisor) {
  if (service.services.includes('api-gateway')) return ['nats-server', 'postgresql'];
  return service.name === 'node-agent' && hypervisor === 'libvirt' ? ['libvirtd', 'virtlogd'] : [];
}

/** Only what this `up` started; what ran before goes on. */
async function stopAgain(table, started) {
  if (started.length === 0) return;
  await step('stopping what was started', (tell) =>
    table.stopAll(
      ({ name }) => tell(`${name} stopped`),
      isLibvirtUsed,
      ({ name }) => started.includes(name),
    ),
  );
}

/** Waits until every host has reported itself; before that, nothing could be placed there. What runs is left running. */
async function whyHostsAreMissing({ home, table, token, count, interrupted, tell }) {
  const deadline = performance.now() + hostsTimeoutMs;
  for (;;) {
    interrupted.throwIfAborted();
    const alive = await aliveHosts(home, token);
    const ended = await endedPart(table);
    if (ended !== undefined) return ended;
    if (alive >= count) return undefined;
    tell(`${alive} of ${count} reported`);
    if (performance.now() > deadline) {
      const { logFile } = (await table.list()).find(({ name }) => name === 'node-agent');
      return `only ${alive} of ${count} hosts have reported within ${hostsTimeoutMs / 1000} s; ${logFile} says why. Drover goes on waiting for them.`;
    }
    await delay(count > 100 ? 500 : 100);
  }
}

async function endedPart(table) {
  const ended = (await table.list()).find(({ identity }) => !isRunning(identity));
  return ended && howItEnded(ended);
}

/** Of a part that ended by itself: how, and its last words. */
export async function howItEnded({ name, identity, logFile }) {
  const how = await endingOf(identity);
  const lastLines = await tail(logFile, 1000);
  return `${name} ended by itself${how === undefined ? '' : ` (${how})`}; ${logFile} ends with:\n${lastLines}`;
}

async function aliveHosts(home, token) {
  const answer = await askApi(home, '/api/v1/cluster/stats', token);
  if (answer === undefined) return 0;
  if (answer.status === 503) return 0;
  if (answer.status !== 200)
    throw new LauncherError(`the API answers ${answer.status} to the launcher: ${answer.body.slice(0, 1000)}`);
  return JSON.parse(answer.body).hosts.alive;
}
