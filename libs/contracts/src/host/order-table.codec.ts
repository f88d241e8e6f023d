import type { OrderRank } from '../ids.schema.js';
import type { VmSubject } from '../subject.schema.js';
import type { OrderTable } from './report.schema.js';

/** The newest order of one VM. Orders about images change nothing, so that a late copy of one does no harm: no table tells of them. */
export interface NewestOf {
  readonly subject: VmSubject;
  readonly rank: OrderRank;
}

export function writeOrderTable(nonce: string, entries: readonly NewestOf[]): OrderTable {
  const newest: OrderTable['newest'] = { vm: [] };
  for (const { subject, rank } of entries) {
    newest[subject.kind].push([subject.id, rank.generation.epoch, rank.generation.n, rank.revision]);
  }
  return { kind: 'table', nonce, newest };
}

export function readOrderTable({ newest }: OrderTable): readonly NewestOf[] {
  return newest.vm.map(([id, epoch, n, revision]) => ({
    subject: { kind: 'vm', id },
    rank: { generation: { epoch, n }, revision },
  }));
}
