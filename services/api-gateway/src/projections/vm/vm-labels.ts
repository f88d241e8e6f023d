import type { VmView } from '@drover/contracts';
import { prepared, type Sql } from '@drover/read-models';
import { jsonParameter } from '../resource/json-parameter.js';
import type { Folded } from '../resource/resource.js';

/** The labels of VMs that are there, in the order of the list: a label that half of the fleet carries is no search. */
export const labelStatements = [
  `CREATE TABLE vm_label (
    key text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    project_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    vm_id uuid NOT NULL,
    PRIMARY KEY (key, value, project_id, name, vm_id)
  )`,
  `CREATE INDEX vm_label_by_vm ON vm_label (vm_id)`,
];

const deleteLabels = prepared('DELETE FROM vm_label WHERE vm_id = ANY($1::uuid[])');
const insertLabels = prepared(
  `INSERT INTO vm_label (key, value, project_id, name, vm_id)
   SELECT * FROM json_to_recordset($1::json) AS row (key text, value text, project_id text, name text, vm_id uuid)`,
);

export async function saveLabels(sql: Sql, { before, after }: Folded<VmView>): Promise<void> {
  const wasThere = (vm: VmView) => before.get(vm.id)?.deletedAt === null;
  const gone = [...after.values()].filter((vm) => wasThere(vm) && vm.deletedAt !== null);
  const come = [...after.values()].filter((vm) => !wasThere(vm) && vm.deletedAt === null);
  if (gone.length > 0) {
    await sql.query(deleteLabels, [gone.map((vm) => vm.id)]);
  }
  const labels = come.flatMap((vm) =>
    Object.entries(vm.spec.labels).map(([key, value]) => ({
      key,
      value,
      project_id: vm.project,
      name: vm.name,
      vm_id: vm.id,
    })),
  );
  if (labels.length === 0) return;
  await sql.query(insertLabels, [jsonParameter(labels)]);
}
