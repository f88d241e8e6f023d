import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { builtServices, kindsOwnedBy, readModels, rebuildSchemaOf, type BuiltService } from '@drover/contracts';
import pg from 'pg';
import type { Tables } from './schema.js';

export type ServicePasswords = Readonly<Record<BuiltService, string>>;

const longestRole = 63;

/** A service that stands still in a transaction holds up what waits for its locks no longer than this. */
const idleTransactionS = 60;

/** How long PostgreSQL waits until a session that it ends has gone. */
const endedWithinMs = 5_000;

const readModelSchemas = readModels.flatMap((name) => [name, rebuildSchemaOf(name)]).map(pg.escapeIdentifier);

/** They belong to the owner, whichever role connects later: api-gateway fills them and may make none. */
export async function makeReadModelSchemas(client: pg.ClientBase): Promise<void> {
  for (const name of readModelSchemas) await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
}

/** Named after the database, because roles are the whole server's: two databases of it have roles of their own. */
export function roleOf(database: string, service: BuiltService): string {
  const role = `${database}_${service.replaceAll('-', '_')}`;
  if (Buffer.byteLength(role) > longestRole) throw new Error(`too long for the name of a role: ${role}`);
  return role;
}

/** Why the connected role cannot make roles and give them rights; undefined where it can. */
export async function hindranceToRoles(client: pg.ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string; creates: string; owns: string }>(
    `SELECT rolname AS name, rolsuper OR rolcreaterole AS creates, pg_has_role(datdba, 'USAGE') AS owns
     FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
  );
  const [found] = rows;
  if (found?.creates !== 't')
    return `the role ${found?.name} may not create roles: ALTER ROLE ${found?.name} CREATEROLE`;
  return found.owns === 't' ? undefined : `the role ${found.name} does not own the database`;
}

/**
 * Makes the services' roles, or gives them these passwords (none where the server asks for none), and grants each the least it needs: to read events, to append
 * and to hold leases through functions that know which kinds and keys are its own, to keep its own dead letters and snapshots of folds. api-gateway makes tables in the
 * schemas of its read models, and no schema.
 */
export async function makeRoles(
  client: pg.ClientBase,
  database: string,
  tables: Tables,
  passwords: ServicePasswords | undefined,
): Promise<void> {
  const { schema, events, versions, writers, append, leases, writeLease } = tables;
  const ownRows = [
    { table: tables.deadLetters, owner: 'source' },
    { table: tables.droppedLetters, owner: 'source' },
    { table: tables.foldSnapshots, owner: 'service' },
    { table: tables.foldStates, owner: 'service' },
  ];
  const { escapeIdentifier, escapeLiteral } = pg;
  // Two stores of one database, prepared at once, would change the same roles.
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('drover roles', 0))`);
  await client.query(`DELETE FROM ${writers}`);
  for (const { table } of ownRows) await client.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
  for (const service of builtServices) {
    const name = roleOf(database, service);
    const role = escapeIdentifier(name);
    const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
    if (rows.length === 0) await client.query(`CREATE ROLE ${role} NOINHERIT`);
    // What a connection does not say for itself. A session may change it, so it guards against faults alone.
    const settings = { search_path: 'pg_catalog', idle_in_transaction_session_timeout: `'${idleTransactionS}s'` };
    for (const [setting, value] of Object.entries(settings))
      await client.query(`ALTER ROLE ${role} IN DATABASE ${escapeIdentifier(database)} SET ${setting} = ${value}`);
    const verifier = passwords === undefined ? 'NULL' : escapeLiteral(scramVerifier(passwords[service]));
    await client.query(`ALTER ROLE ${role} LOGIN PASSWORD ${verifier}`);
    await client.query(`
      REVOKE CREATE ON DATABASE ${escapeIdentifier(database)} FROM ${role};
      REVOKE ALL ON ALL TABLES IN SCHEMA ${schema} FROM ${role};
      GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT ON ${events}, ${versions}, ${leases} TO ${role};
      GRANT EXECUTE ON FUNCTION ${append}, ${writeLease} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ${ownRows.map(({ table }) => table).join(', ')} TO ${role}`);
    for (const { table, owner } of ownRows) {
      const isOwn = `${owner} = ${escapeLiteral(service)}`;
      await client.query(`
        DROP POLICY IF EXISTS ${role} ON ${table};
        CREATE POLICY ${role} ON ${table} TO ${role} USING (${isOwn}) WITH CHECK (${isOwn})`);
    }
    await client.query(`INSERT INTO ${writers} (kind, writer) SELECT unnest($1::text[]), $2`, [
      kindsOwnedBy(service).map((kind) => kind.name),
      name,
    ]);
  }
  const gateway = escapeIdentifier(roleOf(database, 'api-gateway'));
  for (const name of readModelSchemas) await client.query(`GRANT USAGE, CREATE ON SCHEMA ${name} TO ${gateway}`);
}

/**
 * Ends the sessions of the services' roles in this server, or those that began up to a time of the server's: a client that is signed in
 * stays so whatever becomes of the password. The owner made the roles and may act as each of them, which PostgreSQL asks of a role
 * that ends another's session. Throws where one of them goes on.
 */
export async function endSessionsOfRoles(
  client: pg.ClientBase,
  database: string,
  begunUpTo = 'infinity',
): Promise<void> {
  const roles = builtServices.map((service) => roleOf(database, service));
  const { rows } = await client.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1) AND NOT pg_has_role(rolname, 'USAGE')`,
    [roles],
  );
  const foreign = rows.map(({ name }) => pg.escapeIdentifier(name)).join(', ');
  // Before 16 a role that may make roles may grant any, and what it is granted counts at once.
  const counting = `CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE' ELSE '' END AS option`;
  const [version] = (await client.query<{ option: string }>(`SELECT ${counting}`)).rows;
  if (foreign !== '') await client.query(`GRANT ${foreign} TO CURRENT_USER${version?.option ?? ''}`);
  try {
    const asked = await client.query<{ pid: string }>(
      `SELECT pid FROM (
         SELECT pid, pg_terminate_backend(pid, ${endedWithinMs}) AS has_ended FROM pg_stat_activity
         WHERE usename = ANY ($1) AND backend_start <= $2::timestamptz) AS session
       WHERE NOT has_ended`,
      [roles, begunUpTo],
    );
    const goingOn = await client.query<{ pid: string }>(
      'SELECT pid FROM pg_stat_activity WHERE usename = ANY ($1) AND pid = ANY ($2::int[])',
      [roles, asked.rows.map(({ pid }) => pid)],
    );
    if (goingOn.rows.length > 0) {
      const pids = goingOn.rows.map(({ pid }) => pid).join(', ');
      throw new Error(
        `sessions of the services do not end, of the server's processes ${pids}: end these and try again`,
      );
    }
  } finally {
    if (foreign !== '') await client.query(`REVOKE ${foreign} FROM CURRENT_USER`);
  }
}

/** What PostgreSQL keeps of a password (RFC 5803), so that the password itself stands in no statement and no log of it. */
function scramVerifier(password: string): string {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyOf('Server Key').toString('base64')}`;
}
