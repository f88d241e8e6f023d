import { isKnownEvent, streamSubjectId, vmKind, type VmListQuery, type VmView } from '@drover/contracts';
import { VMS } from '../../application/ports/fleet-reads.port.js';
import { defineResource, equals, type Filter } from '../resource/resource.js';
import { labelStatements, saveLabels } from './vm-labels.js';
import { saveTotals, totalStatements, UNKNOWN } from './vm-totals.js';
import { isVmEvent } from './vm-event.policy.js';
import { evolveVm } from './vm-view.state.js';

/** The first label gives the rows in order; the others, and all other filters, are looked at row by row. */
const byLabels: Filter<VmView, NonNullable<VmListQuery['labels']>> = {
  sql: (labels, param) => `t.labels @> ${param(JSON.stringify(Object.fromEntries(labels)))}::jsonb`,
  matches: (vm, labels) => labels.every(([key, value]) => vm.spec.labels[key] === value),
  join: ([first], param) => ({
    sql: `JOIN vm_label ON vm_label.vm_id = t.id AND vm_label.key = ${param(first?.[0])} AND vm_label.value = ${param(first?.[1])}`,
    order: ['vm_label.project_id', 'vm_label.name', 'vm_label.vm_id'],
  }),
};

export const vmResource = defineResource<VmView, VmListQuery>({
  key: VMS,
  kinds: [vmKind.name],
  revision: 2,
  idOf: (event) => (isVmEvent(event) ? streamSubjectId(event.stream) : undefined),
  evolve: (view, event) => (isVmEvent(event) ? evolveVm(view, event) : view),
  isUnknown: (event) => !isKnownEvent(event),
  columns: {
    project_id: { type: 'text', of: (vm) => vm.project },
    name: { type: 'text', of: (vm) => vm.name },
    labels: { type: 'jsonb', of: (vm) => vm.spec.labels },
    host_id: { type: 'uuid', isNullable: true, of: (vm) => vm.placement?.hostId },
    desired: { type: 'text', of: (vm) => vm.desired.powerState },
    observed: { type: 'text', of: (vm) => vm.observed?.powerState ?? UNKNOWN },
    created_at: { type: 'timestamptz(3)', of: (vm) => vm.createdAt },
    deleted_at: { type: 'timestamptz(3)', isNullable: true, of: (vm) => vm.deletedAt },
  },
  // Names are not unique here, because a read model decides nothing. Deleted VMs stay: `?at=` finds by name what bore it then.
  indexes: {
    vm_by_name: '(project_id, name, id) WHERE deleted_at IS NULL',
    vm_by_host: '(host_id, project_id, name, id) WHERE deleted_at IS NULL',
    vm_by_observed: '(observed, project_id, name, id) WHERE deleted_at IS NULL',
    vm_by_desired: '(desired, project_id, name, id) WHERE deleted_at IS NULL',
    vm_ever_named: '(project_id, name, created_at)',
  },
  order: { columns: ['project_id', 'name', 'id'] },
  filters: {
    project: equals('project_id', (vm) => vm.project),
    name: equals('name', (vm) => vm.name),
    host: equals('host_id', (vm) => vm.placement?.hostId),
    observed: equals('observed', (vm) => vm.observed?.powerState),
    desired: equals('desired', (vm) => vm.desired.powerState),
    labels: byLabels,
  },
  listed: { sql: 't.deleted_at IS NULL', matches: (vm) => vm.deletedAt === null },
  named: { column: 'name', within: 'project_id' },
  side: {
    statements: [...labelStatements, ...totalStatements],
    async save(sql, folded) {
      await saveLabels(sql, folded);
      await saveTotals(sql, folded);
    },
  },
});
