import type { HostView, OperationView, VmView } from '@drover/contracts';
import { defineEntity, p } from '@mikro-orm/core';

/** How MikroORM sees the tables that `FleetMigration` makes. */
export const VmRow = defineEntity({
  name: 'VmRow',
  tableName: 'vm',
  properties: {
    id: p.uuid().primary(),
    projectId: p.text(),
    name: p.text(),
    labels: p.json<Record<string, string>>(),
    hostId: p.uuid().nullable(),
    desired: p.text(),
    observed: p.text(),
    createdAt: p.datetime(3),
    deletedAt: p.datetime(3).nullable(),
    view: p.json<VmView>(),
    viewBytes: p.integer(),
  },
});

export const OperationRow = defineEntity({
  name: 'OperationRow',
  tableName: 'operation',
  properties: {
    id: p.uuid().primary(),
    kind: p.text(),
    state: p.text(),
    vmId: p.uuid(),
    projectId: p.text(),
    beganAt: p.datetime(3),
    endedAt: p.datetime(3).nullable(),
    view: p.json<OperationView>(),
    viewBytes: p.integer(),
  },
});

export const HostRow = defineEntity({
  name: 'HostRow',
  tableName: 'host',
  properties: {
    id: p.uuid().primary(),
    name: p.text(),
    zone: p.text().nullable(),
    liveness: p.text(),
    isCordoned: p.boolean(),
    cpus: p.bigint('number'),
    memoryMib: p.bigint('number'),
    view: p.json<HostView>(),
    viewBytes: p.integer(),
  },
});

export const fleetEntities = [VmRow, OperationRow, HostRow];
