import { setTimeout as delay } from 'node:timers/promises';
import type { StoredEvent } from '@drover/contracts';
import type { Command } from 'commander';
import { tailEvents } from '../event-tail.js';
import { printable } from '../output/table.js';
import { openSession } from '../session.js';

interface TailOptions {
  readonly from?: string;
  readonly kinds?: string;
  readonly types?: string;
}

export function addEventCommands(program: Command): void {
  const events = program.command('events').description('everything that was decided, in order');
  events
    .command('tail')
    .description('show events as they are stored, each once; a connection that breaks is made again')
    .option('--from <position>', 'everything behind this position first; 0 is the beginning')
    .option('--kinds <kinds>', 'only these stream kinds, e.g. vm,host')
    .option('--types <types>', 'only these event types, e.g. VmStarted,VmStopped')
    .action(async (given: TailOptions, command: Command) => {
      const session = openSession(command);
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const { signal } = interrupted;
      const open = (from: string | undefined) => session.api.stream('/events', { ...given, from }, signal);
      // Ended early by an interrupt, which is looked at next.
      const pause = (ms: number) => delay(ms, undefined, { signal }).catch(() => undefined);
      const remark = (text: string) => session.remark(text);
      for await (const event of tailEvents({ open, pause, remark, signal }, given.from)) {
        process.stdout.write(`${session.options.output === 'json' ? JSON.stringify(event) : line(event)}\n`);
      }
    });
}

function line(event: StoredEvent): string {
  const { actor, operationId } = event.meta;
  return printable(
    `${event.position.padStart(8)}  ${event.recordedAt}  ${event.type.padEnd(20)} ${event.stream}#${event.revision}` +
      `  ${actor.kind}/${actor.id}${operationId === undefined ? '' : `  ${operationId}`}`,
  );
}
