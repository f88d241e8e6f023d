import type { VmCommand, VmFact } from '@drover/contracts';
import { givenWhenThen } from '@drover/testing';
import { decide } from '../domain/vm/vm.decider.js';
import type { DecisionContext } from '../domain/vm/vm-command.policy.js';
import { evolve } from '../domain/vm/vm-evolution.state.js';
import { initialState } from '../domain/vm/vm.state.js';
import { defaultTimeouts } from '../domain/vm/timeouts.policy.js';
import { stored } from './vm-facts.js';

export type CommandInContext = VmCommand & { readonly context?: Partial<DecisionContext> };

/** Given facts of one VM, when a command comes. */
export const usual: DecisionContext = {
  timeouts: defaultTimeouts,
  delivery: 'unsent',
  isHostHeard: true,
  isDoubtful: false,
  imageStanding: () => ({ kind: 'free' }),
};

export const given = givenWhenThen({
  initialState,
  decide: (state, { context, ...command }: CommandInContext) => decide(state, command, { ...usual, ...context }),
  evolve,
  store: (fact: VmFact, revision) => stored(fact, revision),
});
