import type { HostId, Registered, RegistrationAnswer, Rejection } from '@drover/contracts';
import { accept } from '@drover/domain-kit';
import { hostDecider } from '../domain/membership/host.decider.js';
import { isCordoned } from '../domain/membership/host.state.js';
import { needsInventory, type Registration } from '../domain/membership/registration.decider.js';
import type { Claim } from './claim-store.handler.js';
import type { HostDirectory } from './host-directory.state.js';
import type { HostStreamHandler } from './host-stream.handler.js';
import type { Liveness } from './liveness.state.js';

export class RegisterHostHandler {
  readonly #streams: HostStreamHandler;
  readonly #directory: HostDirectory;
  readonly #liveness: Liveness;
  readonly #claim: Claim;
  readonly #term: () => number | undefined;

  /** @param term of this ha-manager while it is the active one. */
  constructor(
    streams: HostStreamHandler,
    directory: HostDirectory,
    liveness: Liveness,
    claim: Claim,
    term: () => number | undefined,
  ) {
    this.#streams = streams;
    this.#directory = directory;
    this.#liveness = liveness;
    this.#claim = claim;
    this.#term = term;
  }

  async register(registration: Registration, traceparent?: string): Promise<RegistrationAnswer | Rejection> {
    const { hostId, bootNonce } = registration;
    let isIncomplete = false;
    const changed = await this.#streams.change(hostId, {
      decide: (state) => {
        isIncomplete = needsInventory(state, registration);
        if (isIncomplete) return accept();
        return hostDecider.decide(state, {
          kind: 'RegisterHost',
          registration,
          fleetId: this.#claim.fleetId,
          agentMayLiveMs: this.#liveness.agentMayLiveMs(hostId),
        });
      },
      causeId: (revision) => `register ${hostId} ${bootNonce} ${revision}`,
      actor: { kind: 'host', id: hostId },
      isHostsWord: true,
      traceparent,
    });
    if (changed.kind === 'rejected') {
      if (changed.rejection.code !== 'HOST_ID_IN_USE') return changed.rejection;
      this.#liveness.refused(hostId, bootNonce);
      // The agent's patience begins anew with each ha-manager, which has yet to hear who is alive.
      const term = this.#term();
      return { ...changed.rejection, data: { ...changed.rejection.data, ...(term === undefined ? {} : { term }) } };
    }
    if (isIncomplete) return { kind: 'inventory-needed' };
    this.#liveness.registered(hostId);
    return this.#registered(hostId);
  }

  /** The agent ends: no successor has to wait for its silence. */
  async leave(hostId: HostId, bootNonce: string): Promise<{ readonly kind: 'left' } | Rejection> {
    const changed = await this.#streams.change(hostId, {
      decide: (state) => hostDecider.decide(state, { kind: 'LeaveHost', hostId, bootNonce }),
      causeId: (revision) => `leave ${hostId} ${bootNonce} ${revision}`,
      actor: { kind: 'host', id: hostId },
      isHostsWord: true,
    });
    return changed.kind === 'rejected' ? changed.rejection : { kind: 'left' };
  }

  #registered(hostId: HostId): Registered {
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
