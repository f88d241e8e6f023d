// Starts the parts of one home in order: message bus, database, hypervisor daemon, services.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { subjectsUnder } from '../../libs/contracts/dist/index.js';
import {
  ensureApiToken,
  ensureCredentials,
  ensureFleetState,
  ensureNatsAuthority,
  findLibvirtSocket,
  hostsToRun,
  recordRunningFleet,
  replaceSecret,
  startInBackground,
  startLibvirtd,
  startNatsServer,
  startPostgresServer,
  writeFleetConfig,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { step } from './progress.mjs';
import { LauncherError, node24, root } from './run.mjs';
import { isApiReady } from './status.mjs';

const subjectPrefix = 'drover';
const services = ['ha-manager', 'scheduler', 'vm-manager', 'node-agent', 'api-gateway'];
const readyTimeoutMs = 120_000;
const hostsTimeoutMs = 60_000;
/** Of the API's lists. */
const pageLimit = 1000;

export async function startFleet({ home, table, running, interrupted }) {
  const { hypervisor, split } = running;
  const wanted = { hypervisor, count: running.hosts };
  const state = await ensureFleetState(home, wanted);
  const hosts = hostsToRun(state, wanted);
  const authority = await ensureNatsAuthority(home);
  const token = (await ensureApiToken(home)).trim();
  await ensureCredentials(home, authority, subjectsUnder(subjectPrefix), hosts);
  await recordRunningFleet(home, running);
  const log = (name) => path.join(home.logFolder, `${name}.log`);
  const recorder =
    (name, stopSignal = 'SIGTERM', patienceMs = 15_000) =>
    (identity) =>
      table.add({ name, identity, logFile: log(name), stopSignal, patienceMs });
  const part = async (name, work) => {
    interrupted.throwIfAborted();
    await step(name, work);
  };

  await part('nats-server', () =>
    startNatsServer({
      ...{ folder: home.natsFolder, port: state.ports.nats, authority },
      ...{ logFile: log('nats-server'), onLaunched: recorder('nats-server') },
    }),
  );
  await part('PostgreSQL', async (tell) => {
    const own = process.env.DATABASE_URL;
    if (own) {
      tell('the one that DATABASE_URL names');
      return replaceSecret(home.databaseUrlFile, own);
    }
    const { url } = await startPostgresServer({
      ...{ folder: home.postgresFolder, port: state.ports.postgres, logFile: log('postgresql') },
      // A fast shutdown: does not wait for clients, writes a checkpoint.
      onLaunched: recorder('postgresql', 'SIGINT', 60_000),
    });
    return replaceSecret(home.databaseUrlFile, url);
  });
  let libvirtSocket;
  if (hypervisor === 'libvirt') {
    await part('libvirt', async (tell) => {
      libvirtSocket = await findLibvirtSocket();
      if (libvirtSocket !== undefined) return tell(`runs already (${libvirtSocket})`);
      libvirtSocket = await startLibvirtd(home.logFolder, (name, identity) => recorder(name)(identity));
    });
  }
  await writeFleetConfig({ home, state, subjectPrefix, hypervisor, hosts, ...(libvirtSocket && { libvirtSocket }) });

  const main = path.join(root, 'apps', 'standalone', 'dist', 'main.js');
  const environment = { ...process.env, DROVER_CONFIG: home.configFile, DROVER_HOME: home.root };
  const start = (name, args, isReady) =>
    part(name === 'drover' ? 'services' : name, () =>
      startInBackground(
        {
          ...{ name, command: node24, args: ['--enable-source-maps', main, ...args], env: environment },
          ...{ logFile: log(name), onLaunched: recorder(name) },
        },
        () => {
          interrupted.throwIfAborted();
          return isReady();
        },
        readyTimeoutMs,
      ),
    );
  const apiReady = () => isApiReady(state.ports.api);
  if (!split) await start('drover', [], apiReady);
  // Each waits for what it needs; the gateway, started last, is ready when all are.
  for (const name of split ? services : [])
    await start(name, ['--service', name], name === 'api-gateway' ? apiReady : () => true);
  await part(hosts.length === 1 ? 'host' : `${hosts.length} hosts`, (tell) =>
    hostsAlive({ port: state.ports.api, token, count: hosts.length, interrupted, tell }),
  );
}

/** Until every host has reported itself: before that, nothing could be placed. */
async function hostsAlive({ port, token, count, interrupted, tell }) {
  const deadline = performance.now() + hostsTimeoutMs;
  for (;;) {
    interrupted.throwIfAborted();
    const alive = await aliveHosts(port, token, Math.min(count, pageLimit));
    if (alive >= Math.min(count, pageLimit)) return;
    tell(`${alive} of ${count} reported`);
    if (performance.now() > deadline)
      throw new LauncherError(`only ${alive} of ${count} hosts reported; see ./drover status for the logs`);
    await delay(100);
  }
}

async function aliveHosts(port, token, limit) {
  const url = `http://127.0.0.1:${port}/api/v1/hosts?liveness=ALIVE&limit=${limit}`;
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new LauncherError(`the API answers ${answer.status} to the launcher: ${await answer.text()}`);
  return (await answer.json()).items.length;
}
