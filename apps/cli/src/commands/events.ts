import { storedEventSchema, type StoredEvent } from '@drover/contracts';
import type { Command } from 'commander';
import { UnreachableError } from '../api.client.js';
import { printable } from '../output/table.js';
import { readServerSentEvents } from '../server-sent-events.codec.js';
import { openSession, type Session } from '../session.js';

const RECONNECT_MS = 1000;

export function addEventCommands(program: Command): void {
  const events = program.command('events').description('everything that was decided, in order');
  events
    .command('tail')
    .description('show events as they are stored; goes on after the last one when the connection breaks')
    .option('--from <position>', 'everything behind this position first; 0 is the beginning')
    .option('--kinds <kinds>', 'only these stream kinds, e.g. vm,host')
    .option('--types <types>', 'only these event types, e.g. VmStarted,VmStopped')
    .action(async (given: { from?: string; kinds?: string; types?: string }, command: Command) => {
      const session = openSession(command);
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      await tail(session, given, interrupted.signal);
    });
}

async function tail(
  session: Session,
  given: { from?: string; kinds?: string; types?: string },
  signal: AbortSignal,
): Promise<void> {
  let from = given.from;
  while (!signal.aborted) {
    try {
      const stream = await session.api.stream('/events', { ...given, from }, signal);
      for await (const message of readServerSentEvents(stream)) {
        const event = storedEventSchema.parse(JSON.parse(message.data));
        from = event.position;
        process.stdout.write(`${session.options.output === 'json' ? JSON.stringify(event) : line(event)}\n`);
      }
    } catch (error) {
      if (signal.aborted) return;
      // Before the first event nothing is known to exist there; afterwards it did and will again.
      if (!isBrokenConnection(error) || from === undefined) throw error;
      session.remark('the connection broke; reconnecting');
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

function isBrokenConnection(error: unknown): boolean {
  // `fetch` ends a body whose connection broke with a TypeError (WHATWG Fetch).
  return error instanceof UnreachableError || error instanceof TypeError;
}

function line(event: StoredEvent): string {
  const { actor, operationId } = event.meta;
  return printable(
    `${event.position.padStart(8)}  ${event.recordedAt}  ${event.type.padEnd(20)} ${event.stream}#${event.revision}` +
      `  ${actor.kind}/${actor.id}${operationId === undefined ? '' : `  ${operationId}`}`,
  );
}
