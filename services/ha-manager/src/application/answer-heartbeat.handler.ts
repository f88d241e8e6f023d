import { errors, type Heartbeat, type HeartbeatAnswer, type HostId } from '@drover/contracts';
import type { HostDirectory } from './host-directory.state.js';
import type { Liveness } from './liveness.state.js';

/**
 * Answers heartbeats from memory: nothing is stored and nothing awaited, so that a slow store delays no host's lease.
 */
export class AnswerHeartbeatHandler {
  readonly #directory: HostDirectory;
  readonly #liveness: Liveness;
  readonly #term: () => number | undefined;

  /**
   * @param term rises with every change of the active ha-manager; undefined while this is not the one. Asked right before
   * each answer, which is the host's lease: a process that stood still may have lost its own without having been told yet.
   */
  constructor(directory: HostDirectory, liveness: Liveness, term: () => number | undefined) {
    this.#directory = directory;
    this.#liveness = liveness;
    this.#term = term;
  }

  answer(hostId: HostId, { sequence, bootNonce, hypervisorFault }: Heartbeat): HeartbeatAnswer {
    const term = this.#term();
    if (term === undefined) {
      throw errors.SERVICE_UNAVAILABLE('not-applied', 'this ha-manager is not the active one');
    }
    // Another boot nonce than the registered one is no sign of life of that agent: it was started anew and has yet to
    // register, or it runs on a clone of the machine.
    const mustRegister = this.#directory.get(hostId).state?.agent.bootNonce !== bootNonce;
    if (!mustRegister) this.#liveness.heard(hostId, hypervisorFault);
    return {
      term,
      sequence,
      membershipVersion: this.#directory.membershipVersion,
      nextIntervalMs: this.#liveness.nextIntervalMs,
      mustRegister,
    };
  }
}
