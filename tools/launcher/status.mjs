import { createConnection } from 'node:net';
import path from 'node:path';
import {
  homeAt,
  homeFolder,
  isNatsServing,
  isRunning,
  isServing,
  listeningPortsOf,
  ProcessTable,
  readFleetState,
} from '../../apps/standalone/dist/infrastructure/index.js';

/** Programs that are not ours have no such figures. */
const daemons = ['nats-server', 'postgresql', 'libvirtd', 'virtlogd'];

/** One line per part; the exit status says whether all is well. */
export async function run() {
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const state = await readFleetState(home);
  const entries = await new ProcessTable(home).list();
  if (state === undefined || entries.length === 0) {
    console.log(`Drover is not running (${home.root})`);
    return 3;
  }
  const rows = await Promise.all(
    entries.map(async ({ name, identity, logFile }) => {
      const runs = isRunning(identity);
      const health = runs ? await healthOf({ name, identity }, home, state.ports) : 'ended by itself';
      return { name, pid: runs ? String(identity.pid) : '-', health, logFile };
    }),
  );
  const width = (key) => Math.max(...rows.map((row) => row[key].length));
  for (const row of rows) {
    console.log(
      `${row.name.padEnd(width('name'))}  ${row.pid.padStart(width('pid'))}  ${row.health.padEnd(width('health'))}  ${row.logFile}`,
    );
  }
  for (const { name, identity } of entries) {
    if (daemons.includes(name) || !isRunning(identity)) continue;
    for (const port of await listeningPortsOf(identity.pid))
      if (port !== state.ports.api)
        console.log(`${name.padEnd(width('name'))}  metrics at http://127.0.0.1:${port}/metrics`);
  }
  console.log(`\nAPI   http://127.0.0.1:${state.ports.api}\nhome  ${home.root}`);
  return rows.every(({ health }) => health === 'healthy' || health === 'running') ? 0 : 1;
}

async function healthOf({ name, identity }, home, ports) {
  const healthy = (value) => (value ? 'healthy' : 'not answering');
  switch (name) {
    case 'nats-server':
      return healthy(await isNatsServing(identity.pid, ports.nats));
    case 'postgresql':
      return healthy(await takesConnections(path.join(home.postgresFolder, 'socket', '.s.PGSQL.5432')));
    case 'control-plane':
    case 'api-gateway':
      return healthy(await isServing({ name, services: ['api-gateway'] }, identity, home, ports.api));
    default:
      return 'running';
  }
}

function takesConnections(socketPath) {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
