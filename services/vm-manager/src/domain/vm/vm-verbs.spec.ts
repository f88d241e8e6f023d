import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT, hostOrderSchema, vmCommandSchemas, vmSubject, vmVerbNames, vmVerbs } from '@drover/contracts';
import { usual } from '../../testing/vm-decider-under-test.js';
import { command, definition, history, operationOf, source, stored, user, vmId } from '../../testing/vm-facts.js';
import { pendingOrder } from '../process/host-order.process.js';
import { settleCommandFinished } from '../settlement/order-finished.policy.js';
import { decide } from './vm.decider.js';
import { evolve } from './vm-evolution.state.js';
import { initialState } from './vm.state.js';

describe('a verb', () => {
  it.each(vmVerbNames)('%s is decided, ordered and settled', (verb) => {
    const { begins, desired, ends, example, request } = vmVerbs[verb];
    const asked = vmCommandSchemas[verb].parse({
      ...request.parse(example),
      commandId: command(verb),
      actor: user,
      projectId: DEFAULT_PROJECT,
      vmId,
    });
    const states = [history.running(), history.stopped(), history.paused()].map((facts) =>
      facts.map(stored).reduce(evolve, initialState),
    );
    const decided = states.flatMap((before) => {
      const decision = decide(before, asked, usual);
      return decision.kind === 'accepted' && decision.events.length > 0 ? [{ before, facts: decision.events }] : [];
    });
    const [first] = decided;
    if (first === undefined) throw new Error(`nothing ever comes of ${verb}`);
    expect(first.facts.map(({ type }) => type)).toEqual([begins, 'OperationBegan']);

    const { revision } = first.before;
    const begun = first.facts.map((fact, index) => stored(fact, revision + 1 + index)).reduce(evolve, first.before);
    const order = pendingOrder(begun)?.order;
    const { orderId, operationId, generation, revision: of } = hostOrderSchema.parse({ ...order, ttlMs: 1_000 });
    expect(order).toMatchObject({ ...request.parse(example) });
    expect(operationId).toBe(operationOf(verb));

    const result = { kind: 'done', wasForced: false, ...(desired === 'ABSENT' ? {} : { definition }) } as const;
    const report = {
      orderId,
      subject: vmSubject(vmId),
      operationId,
      generation,
      revision: of,
      powerState: desired,
      result,
    };

    const facts = settleCommandFinished(begun, { kind: 'order-finished', ...report }, source(100));
    expect(facts.map(({ type }) => type).sort()).toEqual([ends, 'OperationSucceeded'].sort());
    const after = facts.map((fact, index) => stored(fact, begun.revision + 1 + index)).reduce(evolve, begun);
    expect(after.operation).toBeUndefined();
    expect(after.desired).toBe(desired);
  });
});
