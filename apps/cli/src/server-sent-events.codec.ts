export interface ServerSentEvent {
  /** The newest that the server has told: where to go on after this message. */
  readonly id: string | undefined;
  /** Absent in a message that only tells where to go on. */
  readonly data: string | undefined;
}

/**
 * Reads `text/event-stream` (WHATWG HTML, server-sent events). Comments are passed over; a message that the end of the
 * stream cuts off is not given, nor is its id.
 */
export async function* readServerSentEvents(stream: AsyncIterable<Uint8Array>): AsyncIterable<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id: string | undefined;
  let hasId = false;
  let data: string[] = [];
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0 || hasId) yield { id, data: data.length > 0 ? data.join('\n') : undefined };
        data = [];
        hasId = false;
      } else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      else if (line.startsWith('id:')) {
        id = line.slice(3).replace(/^ /, '');
        hasId = true;
      }
    }
  }
}
