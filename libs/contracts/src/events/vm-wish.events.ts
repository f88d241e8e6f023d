import { z } from 'zod';
import {
  vmActionKinds,
  vmActions,
  vmVerbNames,
  vmVerbs,
  type VmActionKind,
  type VmVerb,
  type VmWish,
} from '../commands/vm-verbs.schema.js';

type Rows = typeof vmVerbs;
type WishSchemas = {
  [Verb in VmVerb as Rows[Verb]['begins']]: z.ZodObject<Rows[Verb]['asked'], z.core.$strict>;
};

/** The event that begins each verb, with what was asked and nothing else. */
export const vmWishSchemas = Object.fromEntries(
  vmVerbNames.map((verb) => [vmVerbs[verb].begins, z.strictObject(vmVerbs[verb].asked)]),
) as WishSchemas;

type WishType = keyof WishSchemas;
/** The fact that a wish is. */
export type VmWishFact = {
  [Type in WishType]: { readonly type: Type; readonly data: z.output<WishSchemas[Type]> };
}[WishType];
type WishEvent<Event> = Extract<Event, { readonly type: WishType }>;

const verbOf: ReadonlyMap<string, VmVerb> = new Map(vmVerbNames.map((verb) => [vmVerbs[verb].begins, verb]));

/** The fact that says a wish, which may be the whole command that asks for it. */
export function vmWishFact(wish: VmWish): VmWishFact {
  const { asked, begins } = vmVerbs[wish.kind];
  const data = Object.fromEntries(Object.entries(wish).filter(([field]) => Object.hasOwn(asked, field)));
  return { type: begins, data } as VmWishFact;
}

/** Whether an event says a wish for a VM that is there. */
export function isVmWish<Event extends { readonly type: string }>(event: Event): event is WishEvent<Event> {
  return verbOf.has(event.type);
}

/** The wish that an event says. */
export function vmWishOf(event: VmWishFact): VmWish {
  const kind = verbOf.get(event.type);
  if (kind === undefined) throw new Error(`${event.type} says no wish`);
  return { kind, ...event.data } as VmWish;
}

type PowerType = (typeof vmActions)[VmActionKind]['ends'];
type PowerEvent<Event> = Extract<Event, { readonly type: PowerType }>;

const powerStateBy: ReadonlyMap<string, (typeof vmActions)[VmActionKind]['desired']> = new Map(
  vmActionKinds.map((kind) => [vmActions[kind].ends, vmActions[kind].desired]),
);

/** Whether an event says which power state the VM has: that an action has ended, or that the same came about without one. */
export function isVmPowerFact<Event extends { readonly type: string }>(event: Event): event is PowerEvent<Event> {
  return powerStateBy.has(event.type);
}

/** The power state that such an event says. */
export function powerStateSaidBy({ type }: { readonly type: PowerType }) {
  const powerState = powerStateBy.get(type);
  if (powerState === undefined) throw new Error(`${type} says no power state`);
  return powerState;
}
