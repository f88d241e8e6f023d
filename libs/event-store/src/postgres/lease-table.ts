import type { Tables } from './schema.js';

/**
 * Of each service one active replica. Revisions are numbered over all keys and for good, so that a key that was deleted has none
 * of its own again.
 *
 * Services have no right to change the table: a role that may update a table may also lock it, and so end the leases of all
 * others. The function lets each write the keys that are its name, or begin with it and a dot.
 */
export function leaseTable({ leases, writeLease }: Tables): string {
  return `
CREATE TABLE ${leases} (
  key text COLLATE "C" PRIMARY KEY CHECK (octet_length(key) <= 100),
  value text NOT NULL CHECK (octet_length(value) <= 4096),
  revision bigint NOT NULL GENERATED ALWAYS AS IDENTITY
);
-- Writes where the key has this revision (0: there is none), and returns the new one; NULL where it has another.
CREATE FUNCTION ${writeLease}(lease text, new_value text, expected bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  written bigint;
BEGIN
  IF NOT pg_has_role(session_user, current_user, 'MEMBER')
    AND session_user IS DISTINCT FROM current_database() || '_' || replace(split_part(lease, '.', 1), '-', '_') THEN
    RAISE 'the lease % is of another service', lease USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF expected = 0 THEN
    INSERT INTO ${leases} AS l (key, value) VALUES (lease, new_value) ON CONFLICT DO NOTHING RETURNING l.revision INTO written;
  ELSE
    UPDATE ${leases} AS l SET value = new_value, revision = DEFAULT
    WHERE l.key = lease AND l.revision = expected RETURNING l.revision INTO written;
  END IF;
  RETURN written;
END
$function$;`;
}
