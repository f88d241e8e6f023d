/** How often one host may speak: less often in larger fleets, so that an idle one costs the same whatever its size. */
export interface Pace {
  /** Between heartbeats, as the control plane asks for. */
  readonly intervalMs: number;
}

/** A load to so many heartbeats, where that is less often than it was configured. */
const HEARTBEATS_PER_LOAD = 4;
/** The interval of small fleets. */
const SMALL_FLEET_MS = 1_000;

/** Between two loads. */
export function paceOfLoadsMs({ intervalMs }: Pace, configuredMs: number): number {
  return Math.max(configuredMs, HEARTBEATS_PER_LOAD * intervalMs);
}

/**
 * How long an agent waits after a reconnect before it registers: at once in small fleets, spread over an interval in large ones,
 * whose agents lose their connection all at the same moment.
 *
 * @param random from 0 to 1.
 */
export function returnAfterMs({ intervalMs }: Pace, random: number): number {
  return random * Math.max(0, intervalMs - SMALL_FLEET_MS);
}
