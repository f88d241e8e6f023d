import { Migration } from '@mikro-orm/migrations';

/**
 * A row per thing: what lists filter and sort by in columns, all else in `view`. Text is compared by bytes, so that a page's
 * order is the same under every locale. `view` is `json`, kept as it was written: nothing searches in it, and `jsonb` would take
 * it apart at each write and put it together at each read.
 */
export class FleetMigration extends Migration {
  override up(): void {
    // Deleted VMs stay: `?at=` finds by name what bore it then. Names are not unique here, because a read model decides nothing.
    this.addSql(`CREATE TABLE vm (
      id uuid PRIMARY KEY,
      project_id text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      labels jsonb NOT NULL,
      host_id uuid,
      desired text NOT NULL,
      observed text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      deleted_at timestamptz(3),
      view json NOT NULL,
      view_bytes integer GENERATED ALWAYS AS (octet_length(view::text)) STORED
    )`);
    this.addSql(`CREATE INDEX vm_by_name ON vm (project_id, name, id) WHERE deleted_at IS NULL`);
    this.addSql(`CREATE INDEX vm_by_host ON vm (host_id, project_id, name, id) WHERE deleted_at IS NULL`);
    this.addSql(`CREATE INDEX vm_by_observed ON vm (observed, project_id, name, id) WHERE deleted_at IS NULL`);
    this.addSql(`CREATE INDEX vm_by_desired ON vm (desired, project_id, name, id) WHERE deleted_at IS NULL`);
    this.addSql(`CREATE INDEX vm_ever_named ON vm (project_id, name, created_at)`);
    // The labels of VMs that are there, in the order of the list: a label that half of the fleet carries is no search.
    this.addSql(`CREATE TABLE vm_label (
      key text COLLATE "C" NOT NULL,
      value text COLLATE "C" NOT NULL,
      project_id text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      vm_id uuid NOT NULL,
      PRIMARY KEY (key, value, project_id, name, vm_id)
    )`);
    this.addSql(`CREATE INDEX vm_label_by_vm ON vm_label (vm_id)`);
    this.addSql(`CREATE TABLE operation (
      id uuid PRIMARY KEY,
      kind text NOT NULL,
      state text NOT NULL,
      vm_id uuid NOT NULL,
      project_id text COLLATE "C" NOT NULL,
      began_at timestamptz(3) NOT NULL,
      ended_at timestamptz(3),
      view json NOT NULL,
      view_bytes integer GENERATED ALWAYS AS (octet_length(view::text)) STORED
    )`);
    this.addSql(`CREATE INDEX operation_by_age ON operation (began_at, id)`);
    this.addSql(`CREATE INDEX operation_by_project ON operation (project_id, began_at, id)`);
    this.addSql(`CREATE INDEX operation_by_vm ON operation (vm_id, began_at, id)`);
    this.addSql(`CREATE INDEX operation_by_state ON operation (state, began_at, id)`);
    this.addSql(`CREATE INDEX operation_by_kind ON operation (kind, began_at, id)`);
    this.addSql(`CREATE INDEX operation_open ON operation (began_at, id) WHERE ended_at IS NULL`);
    this.addSql(`CREATE TABLE host (
      id uuid PRIMARY KEY,
      name text COLLATE "C" NOT NULL,
      zone text,
      liveness text NOT NULL,
      is_cordoned boolean NOT NULL,
      cpus bigint NOT NULL,
      memory_mib bigint NOT NULL,
      view json NOT NULL,
      view_bytes integer GENERATED ALWAYS AS (octet_length(view::text)) STORED
    )`);
    this.addSql(`CREATE INDEX host_by_name ON host (name, id)`);
    this.addSql(`CREATE TABLE stray_vm (
      vm_id uuid NOT NULL,
      host_id uuid NOT NULL,
      kind text NOT NULL,
      at timestamptz(3) NOT NULL,
      view json NOT NULL,
      PRIMARY KEY (host_id, vm_id, kind)
    )`);
    // Kept by adding differences in the transaction that changes the VMs, so that figures cost nothing per VM. The nil UUID
    // stands for no host.
    this.addSql(`CREATE TABLE vm_total (
      project_id text COLLATE "C" NOT NULL,
      host_id uuid NOT NULL,
      desired text NOT NULL,
      observed text NOT NULL,
      vms bigint NOT NULL,
      vcpus bigint NOT NULL,
      memory_mib bigint NOT NULL,
      PRIMARY KEY (host_id, project_id, desired, observed)
    )`);
  }
}
