import { request } from 'node:http';
import { Readable } from 'node:stream';

/** Where the API is: at an address, or at a unix socket of this machine (`unix:/path`). */
export interface ApiPlace {
  /** Of requests; of a socket, a name that stands for it. */
  readonly origin: string;
  readonly send: (url: URL, init: RequestInit) => Promise<Response>;
}

export function placeOf(url: string): ApiPlace {
  if (!url.startsWith('unix:')) return { origin: url, send: fetch };
  const socketPath = url.slice('unix:'.length);
  return { origin: 'http://drover.local', send: (target, init) => fetchOver(socketPath, target, init) };
}

/** `fetch` over a unix socket, as far as this client needs it: text bodies, and answers that may never end. */
function fetchOver(socketPath: string, url: URL, { method, headers, body, signal }: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath,
        path: `${url.pathname}${url.search}`,
        method: method ?? 'GET',
        headers: { host: url.host, ...Object.fromEntries(new Headers(headers)) },
        ...(signal ? { signal } : {}),
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        const hasBody = status !== 204 && status !== 304;
        const content = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
        resolve(new Response(hasBody ? content : null, { status, headers: headersOf(answer.headersDistinct) }));
      },
    );
    asked.once('error', reject);
    asked.end(typeof body === 'string' ? body : undefined);
  });
}

function headersOf(given: NodeJS.Dict<string[]>): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(given)) for (const value of values) headers.append(name, value);
  return headers;
}
