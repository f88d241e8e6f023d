import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ApiClient } from './api.client.js';
import { TableWriter, type Column } from './output/table.js';
import { filePositionMemory } from './position-memory.js';

export interface GlobalOptions {
  readonly output: 'table' | 'json';
  readonly project: string;
  readonly url: string;
  readonly tokenFile?: string;
}

/** What a command works with: the API, and where its words go. */
export interface Session {
  readonly api: ApiClient;
  readonly options: GlobalOptions;
  /** For people, or in JSON for programs. */
  print(value: unknown, asText: () => string): void;
  /** For people as it comes, page by page; for programs as one list. */
  printPages<Row>(pages: AsyncIterable<readonly Row[]>, columns: readonly Column<Row>[]): Promise<void>;
  /** Remarks and progress: standard error, and nothing for programs. */
  remark(text: string): void;
}

export function openSession(command: Command): Session {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    api: new ApiClient({
      url: options.url,
      token: readToken(options),
      positions: filePositionMemory(options.url, Date.now),
    }),
    options,
    print: (value, asText) => {
      process.stdout.write(`${options.output === 'json' ? JSON.stringify(value, null, 2) : asText()}\n`);
    },
    printPages: async <Row>(pages: AsyncIterable<readonly Row[]>, columns: readonly Column<Row>[]) => {
      const table = new TableWriter(columns);
      const rows: Row[] = [];
      for await (const page of pages) {
        if (options.output === 'json') rows.push(...page);
        else
          process.stdout.write(
            table
              .part(page)
              .map((line) => `${line}\n`)
              .join(''),
          );
      }
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    },
    remark: (text) => {
      if (options.output === 'table') process.stderr.write(`${text}\n`);
    },
  };
}

function readToken(options: GlobalOptions): string | undefined {
  if (process.env.DROVER_TOKEN !== undefined) return process.env.DROVER_TOKEN;
  if (options.tokenFile === undefined) return undefined;
  try {
    return readFileSync(options.tokenFile, 'utf8').trim();
  } catch (cause) {
    throw new Error(`cannot read the token file ${options.tokenFile}: ${String(cause)}`, { cause });
  }
}
