// Tables and roles in PostgreSQL, before any service starts: the one step that connects as the owner of the database.
import {
  ensureDatabasePasswords,
  postgresUrl,
  prepareDatabase,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { note, step } from './progress.mjs';
import { LauncherError } from './run.mjs';

/**
 * Safe while services run: they keep their roles and passwords.
 *
 * @param passwords of the roles, for the database that DATABASE_URL names; by default those that this home keeps.
 * @param endsSessions of the services' roles, after a renewal of their passwords.
 * @returns why there are no roles, which it has told; undefined where there are.
 */
export async function prepareEventStore({ home, users, passwords, endsSessions = false }) {
  const own = process.env.DATABASE_URL;
  const database = own
    ? { ownerUrl: own, passwords: passwords ?? (await ensureDatabasePasswords(home)) }
    : // It takes the kernel's word for who connects: no password is asked for.
      { ownerUrl: postgresUrl(home.postgresFolder, 'drover') };
  const withoutRoles = await step('event store', () => prepared({ home, users, endsSessions, ...database }));
  if (withoutRoles === undefined) return undefined;
  note(`  ATTENTION: every service connects to the database as its owner, so a fault of one can harm what is another's.
  The reason: ${withoutRoles}. To give each service a role of its own, mend this, run ./drover down,
  drop the schemas whose names begin with drover_ (the API's tables, which it makes anew), and run ./drover up.`);
  return withoutRoles;
}

/** What is wrong is told without the URL, which may hold a password. */
async function prepared(database) {
  try {
    return await prepareDatabase(database);
  } catch (error) {
    const where = process.env.DATABASE_URL ? 'the database that DATABASE_URL names' : 'PostgreSQL';
    throw new LauncherError(`the event store cannot be made in ${where}: ${error.cause?.message ?? error.message}`);
  }
}
