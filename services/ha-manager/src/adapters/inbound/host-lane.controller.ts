import { errors, hostIdOfSubject, hostLaneMessageSchema, loosely, type Rejection } from '@drover/contracts';
import {
  ACTIVE_GROUP,
  answerOf,
  OnRequest,
  parsePayload,
  rejected,
  type Answer,
  type IncomingMessage,
} from '@drover/messaging';
import { currentTraceparent } from '@drover/observability';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { RegisterHostHandler } from '../../application/register-host.handler.js';
import { TakeHostReportsHandler } from '../../application/take-host-reports.handler.js';
import { isKnownProtocol } from '../../domain/membership/registration.decider.js';

/** Agents of another release may say more. */
const hostLaneReader = loosely(hostLaneMessageSchema);
/** What any version of the protocol says. */
const anyVersionSchema = z.looseObject({ kind: z.string(), protocolVersion: z.int().optional() });

/** `host.<hostId>.report.host`: registration, and the reports that stand in the agent's own lane. */
@Controller()
export class HostLaneController {
  readonly #register: RegisterHostHandler;
  readonly #reports: TakeHostReportsHandler;
  readonly #busy = new Set<string>();

  constructor(
    @Inject(RegisterHostHandler) register: RegisterHostHandler,
    @Inject(TakeHostReportsHandler) reports: TakeHostReportsHandler,
  ) {
    this.#register = register;
    this.#reports = reports;
  }

  @OnRequest('host.*.report.host', anyVersionSchema, { group: ACTIVE_GROUP })
  async report(loose: z.output<typeof anyVersionSchema>, incoming: IncomingMessage): Promise<Answer> {
    const unsupported = unsupportedProtocol(loose);
    if (unsupported !== undefined) return rejected(unsupported);
    // A host's credentials allow its own subject alone, so the subject says who speaks.
    const sender = hostIdOfSubject(incoming.subject);
    return this.#oneAtATime(sender, () => this.#take(sender, incoming));
  }

  /** Agents repeat what was not answered: a host that sends more than one message at a time costs itself alone. */
  async #oneAtATime(sender: string, take: () => Promise<Answer>): Promise<Answer> {
    if (this.#busy.has(sender)) {
      throw errors.SERVICE_UNAVAILABLE('not-applied', `a message of host ${sender} is under way`);
    }
    this.#busy.add(sender);
    try {
      return await take();
    } finally {
      this.#busy.delete(sender);
    }
  }

  async #take(sender: string, incoming: IncomingMessage): Promise<Answer> {
    const message = parsePayload(hostLaneReader, incoming);
    if (sender !== message.hostId) {
      return rejected(errors.FORBIDDEN(`host ${sender} may not speak as ${message.hostId}`, { field: '/hostId' }));
    }
    const traceparent = currentTraceparent();
    if (message.kind === 'leaving') return answerOf(await this.#register.leave(message.hostId, message.bootNonce));
    if (message.kind === 'reports') {
      return answerOf(await this.#reports.take(message, incoming.subject, traceparent));
    }
    const { kind: _, ...registration } = message;
    return answerOf(await this.#register.register(registration, traceparent));
  }
}

/** A registration of another protocol that cannot even be read. One that can is taken, and the host is cordoned. */
function unsupportedProtocol(loose: z.output<typeof anyVersionSchema>): Rejection | undefined {
  const { kind, protocolVersion } = loose;
  if (kind !== 'register' || protocolVersion === undefined || isKnownProtocol(protocolVersion)) return undefined;
  if (hostLaneReader.safeParse(loose).success) return undefined;
  return errors.PROTOCOL_UNSUPPORTED(`a registration of protocol ${protocolVersion} cannot be read here`, {
    data: { protocolVersion },
  });
}
