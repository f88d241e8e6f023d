import { hostIdOfSubject, loosely, vmLaneMessageSchema, type VmLaneMessage } from '@drover/contracts';
import { ACTIVE_GROUP, answered, OnRequest, rejected, type Answer, type IncomingMessage } from '@drover/messaging';
import { Controller, Inject } from '@nestjs/common';
import { HostReportHandler } from '../../application/host-report.handler.js';

/** `host.<hostId>.report.vm`. A host's credentials allow its own subject alone, so the subject says who speaks. */
@Controller()
export class VmLaneController {
  readonly #handler: HostReportHandler;

  constructor(@Inject(HostReportHandler) handler: HostReportHandler) {
    this.#handler = handler;
  }

  @OnRequest('host.*.report.vm', loosely(vmLaneMessageSchema), { group: ACTIVE_GROUP })
  async report(message: VmLaneMessage, incoming: IncomingMessage): Promise<Answer> {
    const sender = hostIdOfSubject(incoming.subject);
    if (sender !== message.hostId) {
      return rejected({
        code: 'FORBIDDEN',
        detail: `host ${sender} may not report as ${message.hostId}`,
        field: '/hostId',
      });
    }
    const answer = await this.#handler.handle(message);
    return answer.kind === 'answered' ? answered(answer.value) : rejected(answer.rejection);
  }
}
