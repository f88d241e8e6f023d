import { describe, expect, it } from '@jest/globals';
import { vmKind } from '../events/catalogue.events.js';
import { operationKindSchema } from '../events/catalogue.events.js';
import { isVmPowerFact, isVmWish, powerStateSaidBy, vmWishFact, vmWishOf } from '../events/vm-wish.events.js';
import { vmCommandSchemas } from './vm.commands.js';
import { vmActionKinds, vmActions, vmVerbNames, vmVerbs } from './vm-verbs.schema.js';

const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const onVm = { commandId: id(1), actor: { kind: 'user', id: 'ada' }, projectId: 'default', vmId: id(2) };

describe('a verb', () => {
  it.each(vmVerbNames)('%s says the same in request, command and event', (verb) => {
    const { begins, example, request } = vmVerbs[verb];
    const wish = request.parse(example);
    expect(wish.kind).toBe(verb);
    const command = vmCommandSchemas[verb].parse({ ...onVm, ...wish });
    expect(command).toEqual({ ...onVm, ...wish });
    const fact = vmWishFact(command);
    expect(fact.type).toBe(begins);
    expect(vmKind.events[begins].parse(fact.data)).toEqual(fact.data);
    expect(isVmWish(fact)).toBe(true);
    expect(vmWishOf(fact)).toEqual(wish);
  });

  it.each(vmVerbNames)('%s has its kind of operation and the event that ends it', (verb) => {
    expect(operationKindSchema.options).toContain(`vm.${verb}`);
    expect(Object.keys(vmKind.events)).toContain(vmVerbs[verb].ends);
  });

  it.each(vmVerbNames)('%s leaves nothing of a command unsaid: only a request has defaults', (verb) => {
    const asked = Object.keys(vmVerbs[verb].body);
    const result = vmCommandSchemas[verb].safeParse({ ...onVm, kind: verb });
    expect(result.error?.issues.map(({ path }) => path.join('.')) ?? []).toEqual(asked);
  });

  it('shares no event with another one', () => {
    const types = vmVerbNames.flatMap((verb) => [vmVerbs[verb].begins, vmVerbs[verb].ends]);
    expect(new Set(types).size).toBe(types.length);
  });

  it.each(vmActionKinds)('%s ends with the power state that was desired', (kind) => {
    const fact = { type: vmActions[kind].ends };
    expect(isVmPowerFact(fact)).toBe(true);
    expect(powerStateSaidBy(fact)).toBe(vmActions[kind].desired);
  });
});
