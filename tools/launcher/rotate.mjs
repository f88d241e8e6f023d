// New keys, tokens and credentials for a home, by one command; the old ones are refused afterwards.
import { rm } from 'node:fs/promises';
import {
  endSessionsOf,
  ensureApiToken,
  ensureOrderKey,
  ensureServiceUsers,
  homeAt,
  homeFolder,
  isRunning,
  processesOf,
  ProcessTable,
  readRunningFleet,
  renewDatabasePasswords,
  renewNatsKeys,
  stopProcess,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { prepareEventStore } from './event-store.mjs';
import { startFleet } from './fleet.mjs';
import { withLock } from './lock.mjs';
import { note, step } from './progress.mjs';
import { attemptEach, shown, whatFailed } from './rotation-report.mjs';
import { LauncherError } from './run.mjs';

const secrets = ['nats', 'orders', 'token', 'database'];

/** Parts that know none of these secrets. */
const others = ['postgresql', 'libvirtd', 'virtlogd'];

export async function run({ operands }) {
  const [what] = operands;
  if (what === undefined) throw new LauncherError(`say what to rotate: ${[...secrets, 'all'].join(', ')}`);
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const table = new ProcessTable(home);
  const controller = new AbortController();
  const renew = {
    nats: async (users) => {
      const left = await renewNatsKeys(home, users);
      if (left.length > 0)
        note(
          `  ATTENTION: ${left.join(', ')} could not be removed: something that runs as the user drover writes there. End it, and remove what is left.`,
        );
      note('NATS has new keys; all credentials are issued anew, and copies of old ones are refused');
    },
    orders: async (users) => {
      for (const file of [home.orderKeyFile, home.orderPublicKeysFile]) await rm(file, { force: true });
      await ensureOrderKey(home, users);
      note('orders to hosts are signed with a new key, and the old one is not believed any more');
    },
    token: async (users) => {
      await rm(home.apiTokenFile, { force: true });
      await ensureApiToken(home, users);
      note(`the API has a new token, in ${home.apiTokenFile}; the old one is refused`);
    },
    database: async (users) => {
      if (!process.env.DATABASE_URL) return;
      const passwords = await renewDatabasePasswords(home);
      note(
        'this takes as long as PostgreSQL lets a client sign in (authentication_timeout, one minute by default): who has begun with an old password may end with it, and is cut off then',
      );
      const withoutRoles = await prepareEventStore({ home, users, passwords, endsSessions: true });
      if (withoutRoles !== undefined) {
        throw new LauncherError(
          'the services connect as the owner and have no passwords to renew; change the owner’s, in DATABASE_URL',
        );
      }
      note(
        'the roles of the services have new passwords, and who was signed in is cut off; the owner’s, in DATABASE_URL, is yours to change',
      );
    },
  };
  return withLock('up', rotate, home.runFolder, controller.signal);

  async function rotate() {
    const users = await ensureServiceUsers();
    const parts = (await table.list()).filter(({ identity }) => isRunning(identity));
    const running = parts.length === 0 ? undefined : await readRunningFleet(home);
    const wanted = what === 'all' ? secrets : [what];
    if (what === 'database' && !process.env.DATABASE_URL) {
      note('PostgreSQL of this home asks for no password, but the kernel who connects: there is nothing to rotate');
      return 0;
    }
    // What runs as it may have been taken over could read the new ones, or write over them.
    const stopped = parts.filter(({ name }) => !others.includes(name));
    for (const { name } of stopped.toReversed()) await stop(name);
    if (users.drover !== undefined) {
      await endSessionsOf(
        users.drover,
        stopped.map(({ identity }) => identity.pid),
      );
      await tellOfStrangers(users.drover);
    }
    const failures = await attemptEach(wanted, (secret) => renew[secret](users));
    if (running === undefined) note('nothing runs: it takes effect at the next ./drover up');
    else failures.push(...(await attemptEach(['start'], () => startAgain(running))));
    if (failures.length > 0) throw new LauncherError(whatFailed(failures));
    return 0;
  }

  /** It keeps its place in the table: what was started after it is still stopped before it. */
  function stop(part) {
    return step(`stopping ${part}`, async () => {
      const entry = (await table.list()).find(({ name }) => name === part);
      if (entry !== undefined) await stopProcess(entry.identity, entry.stopSignal, entry.patienceMs);
    });
  }

  async function startAgain(running) {
    const trouble = await startFleet({ home, table, running, interrupted: controller.signal });
    if (trouble !== undefined) throw new LauncherError(trouble);
  }
}

/** Another home's on this machine, or what somebody left behind: its user may read what is made now. */
async function tellOfStrangers(drover) {
  const strangers = await processesOf(drover);
  if (strangers.length === 0) return;
  const named = strangers.slice(0, 20).map(({ pid, name }) => `${shown(name)} (pid ${pid})`);
  note(`  ATTENTION: ${strangers.length} processes of the user drover run that are not of this home: ${named.join(', ')}.
  They can read the new keys. Unless they are of another home of yours, end them and rotate again.`);
}
