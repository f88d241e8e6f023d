import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Hypervisor } from '@drover/hypervisor';
import type { Logger } from '@drover/observability';
import { paceOfLoadsMs } from '../domain/pace/pace.policy.js';
import type { ControlPlane } from './ports/control-plane.port.js';
import { pause } from './stopping.js';

export interface BeatOptions {
  readonly hostId: HostId;
  readonly bootNonce: string;
  readonly controlPlane: ControlPlane;
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly onMustRegister: () => void;
  /** Why the hypervisor cannot be heard; undefined while it can. */
  readonly hypervisorFault: () => string | undefined;
  /** The pace that the control plane asks for, of heartbeats and of all that grows with the fleet. */
  readonly pace: { intervalMs: number };
}

/** Heartbeats, at the pace that the answers ask for. An unanswered one is followed by the next and by nothing else. */
export async function beat(options: BeatOptions): Promise<void> {
  const { bootNonce, clock, controlPlane, logger, pace, stop } = options;
  let isAnswered = true;
  for (let sequence = 1; !stop.aborted; sequence += 1) {
    const sentAtMs = clock.monotonicMs();
    try {
      const fault = options.hypervisorFault();
      const heartbeat = { sequence, bootNonce, ...(fault === undefined ? {} : { hypervisorFault: fault }) };
      const answer = await controlPlane.beat(heartbeat, pace.intervalMs);
      if (stop.aborted) return;
      if (answer.kind === 'answered') pace.intervalMs = answer.value.nextIntervalMs;
      if (answer.kind === 'rejected' || answer.value.mustRegister) options.onMustRegister();
      if (!isAnswered) logger.info('heartbeats are answered again');
      isAnswered = true;
    } catch (error) {
      if (stop.aborted) return;
      if (isAnswered) logger.warn('a heartbeat was not answered', { error });
      isAnswered = false;
    }
    await pause(Math.max(0, sentAtMs + pace.intervalMs - clock.monotonicMs()), stop);
  }
}

/** Tells the host's load from time to time. A load that cannot be taken is not told; the next one may be. */
export async function tellLoads(options: BeatOptions & { readonly loadIntervalMs: number }): Promise<void> {
  const { clock, controlPlane, hostId, hypervisor, loadIntervalMs, logger, stop } = options;
  while (!stop.aborted) {
    try {
      const load = await hypervisor.load();
      if (stop.aborted) return;
      controlPlane.tellLoad({ hostId, at: new Date(clock.epochMs()).toISOString(), ...load });
    } catch (error) {
      if (stop.aborted) return;
      logger.warn('the load of the host cannot be taken', { error });
    }
    await pause(paceOfLoadsMs(options.pace, loadIntervalMs), stop);
  }
}
