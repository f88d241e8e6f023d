import {
  hostReportSchema,
  loosely,
  type HostLaneMessage,
  type Rejection,
  type ReportsAcknowledged,
} from '@drover/contracts';
import { hostDecider } from '../domain/membership/host.decider.js';
import type { HostStreamHandler } from './host-stream.handler.js';
import type { DeadLetters } from './ports/dead-letters.port.js';

const reader = loosely(hostReportSchema);

export type HostReports = Extract<HostLaneMessage, { readonly kind: 'reports' }>;

/**
 * Takes the reports of a host's own lane, in order, and acknowledges those that have been appended, change nothing, or are
 * kept as dead letters. Repeated reports change nothing.
 */
export class TakeHostReportsHandler {
  readonly #streams: HostStreamHandler;
  readonly #deadLetters: DeadLetters;

  constructor(streams: HostStreamHandler, deadLetters: DeadLetters) {
    this.#streams = streams;
    this.#deadLetters = deadLetters;
  }

  async take(message: HostReports, subject: string, traceparent?: string): Promise<ReportsAcknowledged | Rejection> {
    let throughSequence = 0;
    for (const { sequence, report } of message.reports) {
      const rejection = await this.#takeOne(message, sequence, report, subject, traceparent);
      if (rejection !== undefined) return rejection;
      throughSequence = sequence;
    }
    return { kind: 'acknowledged', throughSequence };
  }

  async #takeOne(
    { hostId, journalEpoch }: HostReports,
    sequence: number,
    report: unknown,
    subject: string,
    traceparent: string | undefined,
  ): Promise<Rejection | undefined> {
    const parsed = reader.safeParse(report);
    if (!parsed.success) {
      const fields = parsed.error.issues.slice(0, 10).map((issue) => `/${issue.path.map(String).join('/')}`);
      await this.#deadLetters.keep({
        source: 'ha-manager',
        subject,
        reason: `report ${sequence} of journal epoch ${journalEpoch} is not readable at ${fields.join(', ')}`,
        payload: new TextEncoder().encode(JSON.stringify({ hostId, journalEpoch, sequence, report })),
      });
      return undefined;
    }
    const { inventory } = parsed.data;
    const changed = await this.#streams.change(hostId, {
      decide: (state) =>
        hostDecider.decide(state, { kind: 'TakeInventory', hostId, journalEpoch, sequence, inventory }),
      causeId: () => `report ${hostId} ${journalEpoch} ${sequence}`,
      actor: { kind: 'host', id: hostId },
      isHostsWord: true,
      traceparent,
    });
    return changed.kind === 'rejected' ? changed.rejection : undefined;
  }
}
