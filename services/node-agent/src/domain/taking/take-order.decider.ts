import {
  compareOrderRanks,
  type OrderId,
  type OrderRank,
  type HostOrder,
  type HostOrderAnswer,
} from '@drover/contracts';

/** The highest order that the journal holds for a VM, kept after the VM is gone. */
export interface NewestOrder {
  readonly rank: OrderRank;
  /** Absent where vm-manager's table said it: the order itself has not been here. */
  readonly orderId?: OrderId;
}

export interface TakingState {
  /** Whether vm-manager has sent the table since the last (re)connect. */
  readonly isTableKnown: boolean;
  /** Of the order's VM. */
  readonly newest: NewestOrder | undefined;
  /** Whether the order stands in the journal and has not ended. */
  readonly isUnderWay: boolean;
}

export interface Taking {
  readonly answer: HostOrderAnswer;
  /** Whether it is to be journalled and carried out: a repeat is taken and has no second effect. */
  readonly isNew: boolean;
}

type Ordered = Pick<HostOrder, 'orderId' | 'generation' | 'revision' | 'ttlMs'>;

/**
 * Whether an order that has arrived is carried out.
 *
 * An order as old as the newest order is taken when only the table told of that order: it is then the very order the
 * table spoke of.
 *
 * @param ageMs since it was received, by the agent's own clock.
 */
export function decideTaking(state: TakingState, order: Ordered, ageMs: number): Taking {
  const { newest } = state;
  if (state.isUnderWay || newest?.orderId === order.orderId) return { answer: { kind: 'taken' }, isNew: false };
  if (!state.isTableKnown) return { answer: { kind: 'table-needed' }, isNew: false };
  if (newest !== undefined && isSupersededBy(order, newest)) {
    return { answer: { kind: 'superseded', newest: newest.rank }, isNew: false };
  }
  if (ageMs > order.ttlMs) return { answer: { kind: 'expired' }, isNew: false };
  return { answer: { kind: 'taken' }, isNew: true };
}

/** Whether a newer order of the VM, taken or told of by the table, has the place of this one. */
export function isSupersededBy(order: Omit<Ordered, 'ttlMs'>, newest: NewestOrder): boolean {
  const difference = compareOrderRanks(order, newest.rank);
  return difference < 0 || (difference === 0 && newest.orderId !== undefined && newest.orderId !== order.orderId);
}

/** The newest order after the table named one: never lower than before. */
export function raise(newest: NewestOrder | undefined, rank: OrderRank): NewestOrder {
  if (newest !== undefined && compareOrderRanks(newest.rank, rank) >= 0) return newest;
  return { rank };
}

export function rankOf(order: Omit<Ordered, 'ttlMs' | 'orderId'>): OrderRank {
  return { generation: order.generation, revision: order.revision };
}
