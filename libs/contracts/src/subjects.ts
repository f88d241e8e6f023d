import type { HostId } from './ids.schema.js';

/** Subject names of architecture.md. The prefix is configuration, `drover` by default. */
export interface Subjects {
  readonly prefix: string;
  /** Request/reply to the active owner of the stream kind. */
  command(kind: string, verb: string): string;
  /** Request/reply. */
  query(service: string, question: string): string;
  /** Request/reply; the agent answers `taken` once the order stands in its own journal. */
  hostOrder(hostId: HostId | '*'): string;
  /** Request/reply; acknowledged after the append. */
  hostReport(hostId: HostId | '*', lane: ReportLane): string;
  /** Request/reply, every second; the answer is the host's lease. */
  hostHeartbeat(hostId: HostId | '*'): string;
  /** Core, every 5 s. */
  hostLoad(hostId: HostId | '*'): string;
  /** Core: percent and text of an operation that this host works on; not truth. */
  hostProgress(hostId: HostId | '*'): string;
  /** JetStream `EVENTS`; `project` is `system` where no project owns the event. */
  event(project: string, kind: string, id: string, type: string): string;
  /** What the `EVENTS` stream holds. */
  readonly allEvents: string;
}

export type ReportLane = 'vm' | 'host';

export function subjectsUnder(prefix: string): Subjects {
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(prefix)) throw new Error(`not a subject prefix: ${prefix}`);
  return {
    prefix,
    command: (kind, verb) => `${prefix}.command.${kind}.${verb}`,
    query: (service, question) => `${prefix}.query.${service}.${question}`,
    hostOrder: (hostId) => `${prefix}.host.${hostId}.order`,
    hostReport: (hostId, lane) => `${prefix}.host.${hostId}.report.${lane}`,
    hostHeartbeat: (hostId) => `${prefix}.host.${hostId}.heartbeat`,
    hostLoad: (hostId) => `${prefix}.host.${hostId}.load`,
    hostProgress: (hostId) => `${prefix}.host.${hostId}.progress`,
    event: (project, kind, id, type) => `${prefix}.event.${project}.${kind}.${id}.${type}`,
    allEvents: `${prefix}.event.>`,
  };
}

/** The id of the host in a subject that `Subjects` made for one. */
export function hostIdOfSubject(subject: string): string {
  return subject.split('.')[2] ?? '';
}

/** Where the answers to a host's requests come. It alone may listen there, and only services that answer hosts may publish. */
export function inboxOfHost(hostId: HostId | '*'): string {
  return `_INBOX.host.${hostId}`;
}

/** Where the answers to a service's requests come. It alone may listen there. */
export function inboxOfService(name: string): string {
  return `_INBOX.service.${name}`;
}

/** For a person who asks by hand, such as with `nats req --inbox-prefix _INBOX.administrator`. */
export const ADMINISTRATOR_INBOX = '_INBOX.administrator';
