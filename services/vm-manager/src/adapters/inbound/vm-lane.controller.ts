import { errors, hostIdOfSubject, vmLaneMessageReader, type VmLaneMessage } from '@drover/contracts';
import {
  ACTIVE_GROUP,
  answered,
  OnRequest,
  OrderSigner,
  rejected,
  type Answer,
  type IncomingMessage,
} from '@drover/messaging';
import { Controller, Inject } from '@nestjs/common';
import { HostReportHandler } from '../../application/host-report.handler.js';

/** `host.<hostId>.report.vm`. A host's credentials allow its own subject alone, so the subject says who speaks. */
@Controller()
export class VmLaneController {
  readonly #handler: HostReportHandler;
  readonly #signer: OrderSigner;

  constructor(@Inject(HostReportHandler) handler: HostReportHandler, @Inject(OrderSigner) signer: OrderSigner) {
    this.#handler = handler;
    this.#signer = signer;
  }

  @OnRequest('host.*.report.vm', vmLaneMessageReader, { group: ACTIVE_GROUP })
  async report(message: VmLaneMessage, incoming: IncomingMessage): Promise<Answer> {
    const sender = hostIdOfSubject(incoming.subject);
    if (sender !== message.hostId) {
      return rejected(errors.FORBIDDEN(`host ${sender} may not report as ${message.hostId}`, { field: '/hostId' }));
    }
    const answer = await this.#handler.handle(message);
    if (answer.kind === 'rejected') return rejected(answer.rejection);
    const { value } = answer;
    // A table raises orders; an acknowledgement gives none, and what it lets the agent forget is its sender's own.
    return answered(value.kind === 'table' ? this.#signer.sign('table', message.hostId, value) : value);
  }
}
