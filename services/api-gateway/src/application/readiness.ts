import type { HealthReport } from '@drover/service-kit';

/** What a stranger is told: which part is not well, and nothing of why. */
export function withoutDetails({ checks, ...report }: HealthReport): HealthReport {
  const bare = Object.entries(checks).map(([name, { isOk }]) => [name, { isOk }] as const);
  return { ...report, checks: Object.fromEntries(bare) };
}
