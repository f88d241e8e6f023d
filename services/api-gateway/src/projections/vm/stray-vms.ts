import { streamSubjectId, type HostId, type StrayVm, type VmId, type VmView } from '@drover/contracts';
import type { Sql } from '@drover/read-models';
import { jsonParameter } from '../resource/json-parameter.js';
import type { Step } from '../resource/resource.js';
import { isVmEvent } from './vm-event.policy.js';

export const strayStatements = [
  `CREATE TABLE stray_vm (
    vm_id uuid NOT NULL,
    host_id uuid NOT NULL,
    kind text NOT NULL,
    at timestamptz(3) NOT NULL,
    view json NOT NULL,
    PRIMARY KEY (host_id, vm_id, kind)
  )`,
];

type StrayKey = Pick<StrayVm, 'vmId' | 'hostId' | 'kind'>;

/**
 * Drift of VMs that are not there, because the store never knew them or because they were deleted: no list of VMs shows it, so it
 * is told of by the host. What a VM leaves behind at its deletion stays drift of its host.
 *
 * @returns by key what was found, and null where it has been settled.
 */
export function straysIn(steps: readonly Step<VmView>[]): ReadonlyMap<string, StrayVm | null> {
  const strays = new Map<string, StrayVm | null>();
  const found = (stray: StrayVm) => void strays.set(textOf(stray), stray);
  for (const { event, before, after } of steps) {
    if (!isVmEvent(event) || after?.deletedAt === null) continue;
    const vmId = streamSubjectId(event.stream) as VmId;
    if (event.type === 'VmDriftFound') {
      const { hostId, kind, detail, powerState = null } = event.data;
      found({ vmId, hostId, kind, detail, powerState, at: event.recordedAt });
    } else if (event.type === 'VmDriftSettled') {
      strays.set(textOf({ vmId, ...event.data }), null);
    } else if (event.type === 'VmDeleted') {
      for (const { kind, hostId, detail, at } of before?.drift ?? []) {
        const isLeft = kind === 'unknown' || kind === 'superseded-copy';
        if (isLeft && hostId !== undefined) found({ vmId, hostId, kind, detail, powerState: null, at });
      }
    }
  }
  return strays;
}

export async function saveStrays(sql: Sql, steps: readonly Step<VmView>[]): Promise<void> {
  const strays = straysIn(steps);
  if (strays.size === 0) return;
  const settled = [...strays].flatMap(([text, stray]) => (stray === null ? [keyIn(text)] : []));
  const found = [...strays.values()].filter((stray) => stray !== null);
  if (settled.length > 0) {
    await sql.query(
      `DELETE FROM stray_vm WHERE (host_id, vm_id, kind) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]))`,
      [settled.map(({ hostId }) => hostId), settled.map(({ vmId }) => vmId), settled.map(({ kind }) => kind)],
    );
  }
  if (found.length === 0) return;
  const rows = found.map((stray) => ({
    vm_id: stray.vmId,
    host_id: stray.hostId,
    kind: stray.kind,
    at: stray.at,
    view: stray,
  }));
  await sql.query(
    `INSERT INTO stray_vm (vm_id, host_id, kind, at, view)
     SELECT vm_id, host_id, kind, at, view FROM json_to_recordset($1::json) AS row (vm_id uuid, host_id uuid, kind text,
       at timestamptz, view json)
     ON CONFLICT (host_id, vm_id, kind) DO UPDATE SET at = excluded.at, view = excluded.view`,
    [jsonParameter(rows)],
  );
}

function textOf(stray: StrayKey): string {
  return `${stray.hostId} ${stray.vmId} ${stray.kind}`;
}

function keyIn(text: string): StrayKey {
  const [hostId, vmId, kind] = text.split(' ') as [HostId, VmId, StrayVm['kind']];
  return { hostId, vmId, kind };
}
