import type { VmView } from '@drover/contracts';

/**
 * Adds what desired and observed say together: while no operation works on it, a difference between them is drift.
 */
export function withPowerDrift(view: VmView): VmView {
  if (view.observed === null || view.operation !== null || view.deletedAt !== null) return view;
  if (view.observed.powerState === view.desired.powerState) return view;
  const detail = `asked to be ${view.desired.powerState}, seen as ${view.observed.powerState}`;
  const power = { kind: 'power' as const, hostId: view.observed.hostId, detail, at: view.observed.at };
  return { ...view, drift: [power, ...view.drift] };
}
