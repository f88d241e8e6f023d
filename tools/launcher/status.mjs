import { createConnection } from 'node:net';
import {
  greets,
  homeAt,
  homeFolder,
  isRunning,
  ProcessTable,
  readFleetState,
} from '../../apps/standalone/dist/infrastructure/index.js';

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
      const health = runs ? await healthOf(name, state.ports) : 'not running';
      return { name, pid: runs ? String(identity.pid) : '-', health, logFile };
    }),
  );
  const width = (key) => Math.max(...rows.map((row) => row[key].length));
  for (const row of rows) {
    console.log(
      `${row.name.padEnd(width('name'))}  ${row.pid.padStart(width('pid'))}  ${row.health.padEnd(width('health'))}  ${row.logFile}`,
    );
  }
  console.log(`\nAPI   http://127.0.0.1:${state.ports.api}\nhome  ${home.root}`);
  return rows.every(({ health }) => health === 'healthy' || health === 'running') ? 0 : 1;
}

async function healthOf(name, ports) {
  const healthy = (value) => (value ? 'healthy' : 'not answering');
  switch (name) {
    case 'nats-server':
      return healthy(await greets(ports.nats));
    case 'postgresql':
      return healthy(await takesConnections(ports.postgres));
    case 'drover':
    case 'api-gateway':
      return healthy(await isApiReady(ports.api));
    default:
      return 'running';
  }
}

export async function isApiReady(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    // Whatever keeps it from answering: it is not ready.
    return false;
  }
}

function takesConnections(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
