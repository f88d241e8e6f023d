import { setTimeout as delay } from 'node:timers/promises';
import {
  problemSchema,
  restHeaders,
  type HostResource,
  type OperationResource,
  type StoredEvent,
  type VmResource,
  type VmWriteAnswer,
} from '@drover/contracts';

const POLL_MS = 25;
const PATIENCE_MS = 60_000;

export interface ApiAnswer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The REST API as a test drives it: every answer, refusals too, is a value; waiting is for a state. */
export class FleetApi {
  readonly url: string;
  readonly token: string;
  readonly #explain: () => Promise<string>;
  #position: string | undefined;

  /** @param explain says what the fleet was doing when a wait was given up, and keeps its logs. */
  constructor(url: string, token: string, explain: () => Promise<string> = () => Promise.resolve('')) {
    this.url = url;
    this.token = token;
    this.#explain = explain;
  }

  async send<Body = unknown>(
    method: string,
    target: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer<Body>> {
    const seen: Record<string, string> =
      method === 'GET' && this.#position !== undefined ? { [restHeaders.position]: this.#position } : {};
    const response = await fetch(`${this.url}/api/v1${target}`, {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...seen,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    if (method !== 'GET') this.#position = response.headers.get(restHeaders.position) ?? this.#position;
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as Body,
    };
  }

  /** Of an installation whose store was lost: what was written there is not waited for any more. */
  forgetPosition(): void {
    this.#position = undefined;
  }

  /**
   * As a careful program asks: with a key of its own, again and again while no answer comes or the answer is a fault, until it
   * is answered for good.
   */
  async insist<Body>(method: string, target: string, body: unknown, key: string): Promise<ApiAnswer<Body>> {
    return this.until(`${method} ${target} is answered`, async () => {
      const answer = await this.send<Body>(method, target, body, { [restHeaders.idempotencyKey]: key });
      return answer.status >= 500 ? undefined : answer;
    });
  }

  /** Like `send`, and fails where the answer is a problem. */
  async expectDone<Body>(method: string, target: string, body?: unknown): Promise<Body> {
    const answer = await this.send<Body>(method, target, body);
    if (answer.status >= 400) {
      throw new Error(
        `${method} ${target}: ${answer.status} ${JSON.stringify(problemSchema.safeParse(answer.body).data ?? answer.body)}`,
      );
    }
    return answer.body;
  }

  /** Waits until `look` gives something; faults of a fleet that is being broken on purpose are waited through. */
  async until<Value>(what: string, look: () => Promise<Value | undefined>, patienceMs = PATIENCE_MS): Promise<Value> {
    const deadline = performance.now() + patienceMs;
    let last: unknown;
    while (performance.now() < deadline) {
      try {
        const value = await look();
        if (value !== undefined) return value;
      } catch (error) {
        last = error;
      }
      await delay(POLL_MS);
    }
    throw new Error(`still not so after ${patienceMs} ms: ${what}; ${await this.#explain()}`, { cause: last });
  }

  async hostsAlive(count: number): Promise<readonly HostResource[]> {
    return this.until(`${count} hosts are alive`, async () => {
      const { items } = await this.expectDone<{ items: readonly HostResource[] }>(
        'GET',
        '/hosts?limit=1000&liveness=ALIVE',
      );
      return items.length >= count ? items : undefined;
    });
  }

  async vm(name: string): Promise<VmResource> {
    return this.expectDone<VmResource>('GET', `/vms/${name}`);
  }

  /** Every event that the store holds, in order. */
  async allEvents(query = ''): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (let from = '0'; ;) {
      const page = await this.expectDone<{ items: StoredEvent[]; next: string; isEnd: boolean }>(
        'GET',
        `/events?limit=1000&from=${from}${query}`,
      );
      events.push(...page.items);
      if (page.isEnd) return events;
      from = page.next;
    }
  }

  async history(name: string): Promise<readonly StoredEvent[]> {
    return (await this.expectDone<{ items: readonly StoredEvent[] }>('GET', `/vms/${name}/history?limit=1000`)).items;
  }

  /** A write on a VM; gives the operation it began. */
  async begin(method: string, target: string, body?: unknown): Promise<string> {
    const { operation } = await this.expectDone<VmWriteAnswer>(method, target, body);
    if (operation === null) throw new Error(`${method} ${target} began no operation`);
    return operation.id;
  }

  async ended(operationId: string, patienceMs?: number): Promise<OperationResource> {
    return this.until(
      `operation ${operationId} has ended`,
      async () => {
        const operation = await this.expectDone<OperationResource>('GET', `/operations/${operationId}`);
        return operation.endedAt === null ? undefined : operation;
      },
      patienceMs,
    );
  }

  /** Writes and waits for success; fails with what the operation says. */
  async succeed(method: string, target: string, body?: unknown, patienceMs?: number): Promise<OperationResource> {
    const operation = await this.ended(await this.begin(method, target, body), patienceMs);
    if (operation.state !== 'SUCCEEDED') {
      throw new Error(`${method} ${target}: ${operation.state} ${JSON.stringify(operation.error)}`);
    }
    return operation;
  }

  async vmUntil(name: string, isSo: (vm: VmResource) => boolean, patienceMs?: number): Promise<VmResource> {
    let seen: VmResource | undefined;
    try {
      return await this.until(
        name,
        async () => {
          seen = await this.vm(name);
          return isSo(seen) ? seen : undefined;
        },
        patienceMs,
      );
    } catch (cause) {
      throw new Error(
        `VM ${name} did not become so; it is ${JSON.stringify({ desired: seen?.desired, observed: seen?.observed })}`,
        { cause },
      );
    }
  }
}
