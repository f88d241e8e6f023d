import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Fault, type HostId, errors } from '@drover/contracts';
import type { HostJournal, Journal } from '../../../application/ports/journal.port.js';
import type { JournalChange } from '../../../domain/journal/journal.state.js';
import { contentOf, queries, schema, statements, statementsOf, type Rows, type Statement } from './journal-tables.js';

interface Waiting {
  readonly statements: readonly Statement[];
  readonly settle: PromiseWithResolvers<void>;
}

/**
 * A journal in one SQLite file. While one batch is on its way to disk the next one gathers, so under load many writes of
 * many hosts share one flush, and alone a write does not wait.
 */
export class SqliteJournal implements Journal {
  readonly #worker: Worker;
  readonly #replies = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 1;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: Fault | undefined;

  /** @param file made where it is missing; its folder must be there. */
  constructor(file: string) {
    const runner = `./journal-worker.runner${path.extname(fileURLToPath(import.meta.url))}`;
    this.#worker = new Worker(new URL(runner, import.meta.url), {
      workerData: { file, schema, statements, queries },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#worker.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const reply = this.#replies.get(id);
      this.#replies.delete(id);
      if (error === undefined) reply?.resolve(value);
      else reply?.reject(unavailable(error));
    });
    this.#worker.on('error', (cause) => this.#fail(unavailable('its thread failed', cause)));
    this.#worker.on('exit', () => this.#fail(unavailable('it is closed')));
  }

  async open(hostId: HostId): Promise<HostJournal> {
    await this.#write([['made', hostId, randomUUID()]]);
    const rows = (await this.#ask({ kind: 'read', values: [hostId] })) as Rows;
    return {
      content: contentOf(rows),
      write: (changes: readonly JournalChange[]) =>
        this.#write(changes.flatMap((change) => statementsOf(hostId, change))),
    };
  }

  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    if (this.#failure !== undefined) return;
    await this.#ask({ kind: 'close' });
    await this.#worker.terminate();
  }

  #write(list: readonly Statement[]): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ statements: list, settle });
    this.#flushing ??= this.#flush();
    return settle.promise;
  }

  async #flush(): Promise<void> {
    // Everything that is written in this turn of the event loop goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#ask({ kind: 'write', statements: batch.flatMap((waiting) => waiting.statements) });
        for (const { settle } of batch) settle.resolve();
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    this.#flushing = undefined;
  }

  #ask(request: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    const reply = Promise.withResolvers<unknown>();
    this.#replies.set(id, reply);
    this.#worker.postMessage({ ...request, id });
    return reply.promise;
  }

  #fail(fault: Fault): void {
    this.#failure ??= fault;
    for (const reply of this.#replies.values()) reply.reject(this.#failure);
    this.#replies.clear();
  }
}

function unavailable(detail: string, cause?: unknown): Fault {
  return errors.JOURNAL_UNAVAILABLE('not-applied', `the journal: ${detail}`, { cause });
}
