export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly data: string;
}

/**
 * Reads `text/event-stream` (WHATWG HTML, server-sent events). Comments are passed over; an event that the end of the
 * stream cuts off is not given.
 */
export async function* readServerSentEvents(stream: AsyncIterable<Uint8Array>): AsyncIterable<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id: string | undefined;
  let data: string[] = [];
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, data: data.join('\n') };
        data = [];
      } else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      else if (line.startsWith('id:')) id = line.slice(3).replace(/^ /, '');
    }
  }
}
