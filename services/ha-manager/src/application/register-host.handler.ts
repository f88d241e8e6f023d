import type { Registered, Rejection } from '@drover/contracts';
import { hostDecider, type Registration } from '../domain/membership/host.decider.js';
import { isCordoned } from '../domain/membership/host.state.js';
import type { Claim } from './claim-store.handler.js';
import type { HostDirectory } from './host-directory.state.js';
import type { HostStreamHandler } from './host-stream.handler.js';
import type { Liveness } from './liveness.state.js';

export class RegisterHostHandler {
  readonly #streams: HostStreamHandler;
  readonly #directory: HostDirectory;
  readonly #liveness: Liveness;
  readonly #claim: Claim;

  constructor(streams: HostStreamHandler, directory: HostDirectory, liveness: Liveness, claim: Claim) {
    this.#streams = streams;
    this.#directory = directory;
    this.#liveness = liveness;
    this.#claim = claim;
  }

  async register(registration: Registration, traceparent?: string): Promise<Registered | Rejection> {
    const { hostId, bootNonce } = registration;
    const changed = await this.#streams.change(hostId, {
      decide: (state) => {
        const decision = hostDecider.decide(state, {
          kind: 'RegisterHost',
          registration,
          fleetId: this.#claim.fleetId,
          aliveBootNonce: this.#liveness.aliveBootNonce(hostId),
        });
        // Before the append: a clone that registers while it is under way must be refused.
        if (decision.kind === 'accepted') this.#liveness.heard(hostId, bootNonce);
        return decision;
      },
      causeId: (revision) => `register ${hostId} ${bootNonce} ${revision}`,
      actor: { kind: 'host', id: hostId },
      traceparent,
    });
    if (changed.kind === 'rejected') return changed.rejection;
    const { state } = this.#directory.get(hostId);
    if (state === undefined) throw new Error(`host ${hostId} was registered and is not known`);
    return {
      kind: 'registered',
      fleetId: this.#claim.fleetId,
      storeEpoch: this.#claim.storeEpoch,
      journalEpoch: state.journalEpoch,
      heartbeatIntervalMs: this.#liveness.nextIntervalMs,
      isCordoned: isCordoned(state),
    };
  }
}
