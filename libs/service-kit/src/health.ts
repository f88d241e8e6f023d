/** What one check found; `detail` is for people. */
export interface CheckResult {
  readonly isOk: boolean;
  readonly detail?: string;
}

export interface HealthReport {
  readonly isOk: boolean;
  readonly service: string;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** What `/healthz` and `/readyz` say, and the health answer over messaging. */
export interface Health {
  /** Something that must work before others may rely on this service. */
  addCheck(name: string, check: () => Promise<CheckResult> | CheckResult): void;
  /** Restarting would not help while this is ok: dependencies that are down are no reason. */
  live(): HealthReport;
  ready(): Promise<HealthReport>;
  /** Says for ever that this process must be restarted. */
  fail(reason: string): void;
}

/** @param checkTimeoutMs how long a check may take before it counts as failed. */
export function createHealth(service: string, checkTimeoutMs = 2_000): Health {
  const checks = new Map<string, () => Promise<CheckResult> | CheckResult>();
  let failure: string | undefined;

  async function run(check: () => Promise<CheckResult> | CheckResult): Promise<CheckResult> {
    const timeout = Promise.withResolvers<CheckResult>();
    const timer = setTimeout(
      () => timeout.resolve({ isOk: false, detail: `no answer within ${checkTimeoutMs} ms` }),
      checkTimeoutMs,
    );
    try {
      return await Promise.race([(async () => check())(), timeout.promise]);
    } catch (error) {
      return { isOk: false, detail: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  const live = (): HealthReport => ({
    isOk: failure === undefined,
    service,
    checks: failure === undefined ? {} : { process: { isOk: false, detail: failure } },
  });
  return {
    addCheck: (name, check) => void checks.set(name, check),
    fail: (reason) => void (failure ??= reason),
    live,
    ready: async () => {
      const results = await Promise.all([...checks].map(async ([name, check]) => [name, await run(check)] as const));
      const alive = live();
      const all = { ...alive.checks, ...Object.fromEntries(results) };
      return { isOk: Object.values(all).every(({ isOk }) => isOk), service, checks: all };
    },
  };
}
