import path from 'node:path';
import {
  prepareDatabase,
  startPostgresServer,
  stopPostgresServer,
  type Home,
  type PostgresServer,
  type ServiceUsers,
} from '@drover/standalone/infrastructure';

/** PostgreSQL as `up` leaves it to the services: running, with the tables and a role for each of them. */
export async function startFleetDatabase(home: Home, users: ServiceUsers): Promise<PostgresServer> {
  const folder = home.postgresFolder;
  const started = await startPostgresServer({ folder, users, logFile: path.join(home.logFolder, 'postgresql.log') });
  try {
    await prepareDatabase({ home, users, ownerUrl: started.url });
  } catch (error) {
    await stopPostgresServer(started.process, folder);
    throw error;
  }
  return started;
}
