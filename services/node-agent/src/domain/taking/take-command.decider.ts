import {
  compareCommandOrders,
  type CommandId,
  type CommandOrder,
  type HostCommand,
  type HostCommandAnswer,
} from '@drover/contracts';

/** The highest order that the journal holds for a VM, kept after the VM is gone. */
export interface NewestOrder {
  readonly order: CommandOrder;
  /** Absent where vm-manager's table said it: the command itself has not been here. */
  readonly commandId?: CommandId;
}

export interface TakingState {
  /** Whether vm-manager has sent the table since the last (re)connect. */
  readonly isTableKnown: boolean;
  /** Of the command's VM. */
  readonly newest: NewestOrder | undefined;
  /** Whether the command stands in the journal and has not ended. */
  readonly isUnderWay: boolean;
}

export interface Taking {
  readonly answer: HostCommandAnswer;
  /** Whether it is to be journalled and carried out: a repeat is taken and has no second effect. */
  readonly isNew: boolean;
}

type Ordered = Pick<HostCommand, 'commandId' | 'generation' | 'revision' | 'ttlMs'>;

/**
 * Whether a command that has arrived is carried out.
 *
 * A command as old as the newest order is taken when only the table told of that order: it is then the very command the
 * table spoke of.
 *
 * @param ageMs since it was received, by the agent's own clock.
 */
export function decideTaking(state: TakingState, command: Ordered, ageMs: number): Taking {
  const { newest } = state;
  if (state.isUnderWay || newest?.commandId === command.commandId) return { answer: { kind: 'taken' }, isNew: false };
  if (!state.isTableKnown) return { answer: { kind: 'table-needed' }, isNew: false };
  if (newest !== undefined && isSupersededBy(command, newest)) {
    return { answer: { kind: 'superseded', newest: newest.order }, isNew: false };
  }
  if (ageMs > command.ttlMs) return { answer: { kind: 'expired' }, isNew: false };
  return { answer: { kind: 'taken' }, isNew: true };
}

/** Whether a newer command of the VM, taken or told of by the table, has the place of this one. */
export function isSupersededBy(command: Omit<Ordered, 'ttlMs'>, newest: NewestOrder): boolean {
  const difference = compareCommandOrders(command, newest.order);
  return (
    difference < 0 || (difference === 0 && newest.commandId !== undefined && newest.commandId !== command.commandId)
  );
}

/** The newest order after the table named one: never lower than before. */
export function raise(newest: NewestOrder | undefined, order: CommandOrder): NewestOrder {
  if (newest !== undefined && compareCommandOrders(newest.order, order) >= 0) return newest;
  return { order };
}

export function orderOf(command: Omit<Ordered, 'ttlMs' | 'commandId'>): CommandOrder {
  return { generation: command.generation, revision: command.revision };
}
