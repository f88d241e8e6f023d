// New keys, tokens and credentials for a home, by one command; the old ones are refused afterwards.
import { rm } from 'node:fs/promises';
import {
  ensureApiToken,
  ensureOrderKey,
  ensureServiceUsers,
  homeAt,
  homeFolder,
  isRunning,
  ProcessTable,
  readOrderPublicKeys,
  readRunningFleet,
  renewDatabasePasswords,
  renewNatsKeys,
  serviceParts,
  stopProcess,
  writeOrderPublicKeys,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { startFleet } from './fleet.mjs';
import { withLock } from './lock.mjs';
import { note, step } from './progress.mjs';
import { LauncherError } from './run.mjs';

const secrets = ['nats', 'orders', 'token', 'database'];

export async function run({ operands }) {
  const [what] = operands;
  if (what === undefined) throw new LauncherError(`say what to rotate: ${[...secrets, 'all'].join(', ')}`);
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const table = new ProcessTable(home);
  const controller = new AbortController();
  return withLock('up', rotate, home.runFolder, controller.signal);

  async function rotate() {
    const users = await ensureServiceUsers();
    const parts = (await table.list()).filter(({ identity }) => isRunning(identity));
    const running = parts.length === 0 ? undefined : await readRunningFleet(home);
    const wanted = what === 'all' ? secrets : [what];
    if (wanted.includes('nats')) await rotateNats(users, running);
    if (wanted.includes('orders')) await rotateOrders(users, running);
    if (wanted.includes('token')) await rotateToken(users, running);
    if (wanted.includes('database')) await rotateDatabase(running);
    if (running === undefined) note('nothing runs: it takes effect at the next ./drover up');
    return 0;
  }

  /** Everybody is cut off when nats-server stops, and comes back with the file that holds the new credentials. */
  async function rotateNats(users, running) {
    if (running !== undefined) await stop('nats-server');
    await renewNatsKeys(home, users);
    note('NATS has new keys; all credentials are issued anew, and copies of old ones are refused');
    await startAgain(running);
  }

  /** Hosts believe the old key too until what signs has the new one. */
  async function rotateOrders(users, running) {
    await rm(home.orderKeyFile, { force: true });
    await ensureOrderKey(home, users);
    await restart(running, 'vm-manager');
    const [newest] = await readOrderPublicKeys(home);
    await writeOrderPublicKeys(home, users, [newest]);
    note('orders to hosts are signed with a new key, and the old one is not believed any more');
  }

  async function rotateToken(users, running) {
    await rm(home.apiTokenFile, { force: true });
    await ensureApiToken(home, users);
    await restart(running, 'api-gateway');
    note(`the API has a new token, in ${home.apiTokenFile}; the old one is refused`);
  }

  /** The roles of the services get their new passwords when what connects with them is started again. */
  async function rotateDatabase(running) {
    if (!process.env.DATABASE_URL) {
      note('PostgreSQL of this home asks for no password, but the kernel who connects: there is nothing to rotate');
      return;
    }
    await renewDatabasePasswords(home);
    if (running !== undefined) {
      for (const { name, services } of serviceParts(running.split).toReversed())
        if (!services.includes('node-agent')) await stop(name);
    }
    await startAgain(running);
    note('the roles of the services have new passwords; the owner’s, in DATABASE_URL, is yours to change');
  }

  /** The process that a service runs in. */
  async function restart(running, service) {
    if (running === undefined) return;
    const part = serviceParts(running.split).find(({ services }) => services.includes(service));
    await stop(part.name);
    await startAgain(running);
  }

  /** It keeps its place in the table: what was started after it is still stopped before it. */
  function stop(part) {
    return step(`stopping ${part}`, async () => {
      const entry = (await table.list()).find(({ name }) => name === part);
      if (entry !== undefined) await stopProcess(entry.identity, entry.stopSignal, entry.patienceMs);
    });
  }

  async function startAgain(running) {
    if (running === undefined) return;
    const trouble = await startFleet({ home, table, running, interrupted: controller.signal });
    if (trouble !== undefined) throw new LauncherError(trouble);
  }
}
