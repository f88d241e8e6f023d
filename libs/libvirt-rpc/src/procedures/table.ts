/** The whole table, and the types of every call and event inferred from it. */
import type { EventMessage, Procedure } from './procedure.js';
import { deviceProcedures } from './device-procedures.js';
import { domainProcedures } from './domain-procedures.js';
import { eventMessages } from './event-messages.js';
import { hostProcedures } from './host-procedures.js';
import { jobProcedures } from './job-procedures.js';
import { networkProcedures } from './network-procedures.js';
import { storageProcedures } from './storage-procedures.js';

export const procedures = {
  ...hostProcedures,
  ...domainProcedures,
  ...deviceProcedures,
  ...jobProcedures,
  ...storageProcedures,
  ...networkProcedures,
};

export { eventMessages };

type Table = typeof procedures;
export type ProcedureName = keyof Table;
export type Args<Name extends ProcedureName> = Table[Name] extends Procedure<infer A, infer _R> ? A : never;
export type Reply<Name extends ProcedureName> = Table[Name] extends Procedure<infer _A, infer R> ? R : never;

/** Procedures that open a stream; the others are plain calls. */
export type StreamProcedureName = {
  [Name in ProcedureName]: Table[Name]['stream'] extends 'none' ? never : Name;
}[ProcedureName];
export type CallName = Exclude<ProcedureName, StreamProcedureName>;

export type EventName = keyof typeof eventMessages;
export type EventBody<Name extends EventName> =
  (typeof eventMessages)[Name] extends EventMessage<infer Body> ? Body : never;

export function procedureOf<Name extends ProcedureName>(name: Name): Procedure<Args<Name>, Reply<Name>> {
  return procedures[name] as unknown as Procedure<Args<Name>, Reply<Name>>;
}
