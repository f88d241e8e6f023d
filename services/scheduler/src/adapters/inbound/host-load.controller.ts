import { hostIdOfSubject, hostLoadSchema, loosely, type HostLoad } from '@drover/contracts';
import { OnMessage, UnreadableMessage, type IncomingMessage } from '@drover/messaging';
import { Controller, Inject } from '@nestjs/common';
import { Ledger } from '../../application/ledger.state.js';

/** `host.<hostId>.load`, heard by every replica, so that the next active one knows of foreign memory and full pools. */
@Controller()
export class HostLoadController {
  readonly #ledger: Ledger;

  constructor(@Inject(Ledger) ledger: Ledger) {
    this.#ledger = ledger;
  }

  @OnMessage('host.*.load', loosely(hostLoadSchema), { isForAll: true })
  load(load: HostLoad, message: IncomingMessage): void {
    // A host's credentials allow its own subject alone, so the subject says who speaks.
    if (hostIdOfSubject(message.subject) !== load.hostId) throw new UnreadableMessage('/hostId: is of another host');
    this.#ledger.seeLoad(load);
  }
}
