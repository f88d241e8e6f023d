import { Limiter } from './application/limiter.js';

export interface GroupedAgent {
  /** Closes what the agent uses as well. */
  stop(): Promise<void>;
}

/** So many sign in, or say goodbye, at the same time: all at once would keep the control plane from answering any of them in time. */
const AT_ONCE = 64;

/** The agents of a process, which may be thousands of simulated hosts': they start and stop side by side, some at a time. */
export class AgentGroup<Agent extends GroupedAgent> {
  readonly #agents: Agent[] = [];
  readonly #limiter = new Limiter(AT_ONCE);
  #starting: Promise<unknown> = Promise.resolve();

  get agents(): readonly Agent[] {
    return this.#agents;
  }

  /**
   * Resolves when all have started. After a failure, which it throws, and once the signal is aborted it begins no further one.
   *
   * @param onStarted is told how many there are so far.
   */
  async start<Host>(
    hosts: readonly Host[],
    startOne: (host: Host) => Promise<Agent>,
    signal: AbortSignal,
    onStarted: (count: number) => void,
  ): Promise<void> {
    let hasFailed = false;
    const starts = hosts.map((host) =>
      this.#limiter.run(async () => {
        if (hasFailed || signal.aborted) return;
        try {
          this.#agents.push(await startOne(host));
        } catch (error) {
          hasFailed = true;
          throw error;
        }
        onStarted(this.#agents.length);
      }),
    );
    this.#starting = Promise.allSettled(starts);
    await Promise.all(starts);
    signal.throwIfAborted();
  }

  /** Also those that are just starting. Throws, when all have been tried, what could not be stopped. */
  async stop(): Promise<void> {
    await this.#starting;
    const stops = this.#agents.map((agent) => this.#limiter.run(() => agent.stop()));
    const failures = (await Promise.allSettled(stops)).flatMap((stop) =>
      stop.status === 'rejected' ? [stop.reason as unknown] : [],
    );
    if (failures.length > 0) throw new AggregateError(failures, 'agents could not be stopped');
  }
}
