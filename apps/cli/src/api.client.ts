import {
  positionSchema,
  comparePositions,
  problemSchema,
  restHeaders,
  type Position,
  type Problem,
} from '@drover/contracts';
import type { PositionMemory } from './position-memory.js';
import { placeOf, type ApiPlace } from './socket-fetch.js';

export interface ApiOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly positions: PositionMemory;
}

/** The API refused or failed; `problem` is what it said. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: Problem;
  /** What was likely meant. */
  readonly hint: string | undefined;

  constructor(problem: Problem, hint?: string) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
    this.hint = hint;
  }
}

/** No answer, or one that is not of Drover's API. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** Whether to ask again: no answer came, or the API is not ready yet. */
export function isPassing(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ApiError && error.problem.status >= 500);
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** One request each. Reads wait for what this user's own writes have changed (`Drover-Position`). */
export class ApiClient {
  readonly #options: ApiOptions;
  readonly #place: ApiPlace;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#place = placeOf(options.url);
  }

  async get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return (await this.#request('GET', path, query)) as Answer;
  }

  async post<Answer>(path: string, body: unknown = {}, query: Query = {}): Promise<Answer> {
    return (await this.#request('POST', path, query, body)) as Answer;
  }

  async delete<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return (await this.#request('DELETE', path, query)) as Answer;
  }

  /** Every item of a list. */
  async *items<Item>(path: string, query: Query = {}): AsyncIterable<Item> {
    for await (const page of this.pages<Item>(path, query)) yield* page;
  }

  /** Every item of a list, page by page. */
  async *pages<Item>(path: string, query: Query = {}): AsyncIterable<readonly Item[]> {
    let after: string | undefined;
    do {
      const page: { readonly items: readonly Item[]; readonly next?: string } = await this.get(path, {
        ...query,
        after,
      });
      yield page.items;
      after = page.next;
    } while (after !== undefined);
  }

  /** An open server-sent event stream; ends when the server ends it, fails when the connection breaks. */
  async stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send('GET', path, query, { accept: 'text/event-stream' }, undefined, signal);
    if (!response.ok || response.body === null) throw await this.#failure(response);
    return readUntilBroken(response.body, this.#options.url);
  }

  async #request(method: string, path: string, query: Query, body?: unknown): Promise<unknown> {
    const headers: Record<string, string> = { accept: 'application/json' };
    const seen = await this.#options.positions.read();
    if (method === 'GET' && seen !== undefined) headers[restHeaders.position] = seen;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response = await this.#send(method, path, query, headers, body);
    if (response.status === 400 && restHeaders.position in headers) {
      const failure = await this.#failure(response);
      // The store was restored since: what this user wrote last is not there any more.
      if (!(failure instanceof ApiError) || failure.problem.field !== restHeaders.position) throw failure;
      const { [restHeaders.position]: _, ...others } = headers;
      response = await this.#send(method, path, query, others, body);
    }
    if (!response.ok) throw await this.#failure(response);
    if (method !== 'GET') await this.#remember(response, seen);
    return await response.json();
  }

  async #send(
    method: string,
    path: string,
    query: Query,
    headers: Record<string, string>,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Response> {
    const { origin, send } = this.#place;
    const url = new URL(`/api/v1${path}`, origin);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    if (this.#options.token !== undefined) headers.authorization = `Bearer ${this.#options.token}`;
    try {
      return await send(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      throw new UnreachableError(notRunning(this.#options.url), { cause });
    }
  }

  async #failure(response: Response): Promise<Error> {
    const text = await response.text();
    const problem = problemSchema.safeParse(parseJson(text));
    if (problem.success) return new ApiError(problem.data);
    return new UnreachableError(`${this.#options.url} answered ${response.status}, and not as Drover does`);
  }

  async #remember(response: Response, seen: Position | undefined): Promise<void> {
    const position = positionSchema.safeParse(response.headers.get(restHeaders.position));
    if (!position.success) return;
    if (seen === undefined || comparePositions(seen, position.data) < 0)
      await this.#options.positions.write(position.data);
  }
}

/** A home's socket says which home; what listens at an address may be anything. */
function notRunning(url: string): string {
  const home = /^unix:(?<home>.*)\/run\/api\/socket$/.exec(url)?.groups?.['home'];
  return home === undefined
    ? `no answer from ${url}; is Drover running? Try ./drover status`
    : `Drover is not running (${home}): ./drover up starts it; DROVER_HOME names another home`;
}

async function* readUntilBroken(body: ReadableStream<Uint8Array>, url: string): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new UnreachableError(`the connection to ${url} broke`, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON is no answer of Drover's either, which its reader says.
    return undefined;
  }
}
