import type { OrderRank } from '../ids.schema.js';
import type { Subject } from '../subject.schema.js';
import type { OrderTable } from './report.schema.js';

/** The newest order of one subject. */
export interface NewestOf {
  readonly subject: Subject;
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
