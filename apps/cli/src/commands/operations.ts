import { streamSubjectId, vmIdSchema, type OperationResource, type StoredEvent } from '@drover/contracts';
import type { Command } from 'commander';
import { exitStatus } from '../exit-status.js';
import { withNearName } from '../near-names.js';
import { renderFields, renderTable, type Column } from '../output/table.js';
import { formatDuration } from '../quantities.js';
import { openSession, type Session } from '../session.js';
import { follow, outcomeSentence, readOperation, whyNoHost } from '../wait.js';

const columns: readonly Column<OperationResource>[] = [
  { heading: 'ID', value: (row) => row.id },
  { heading: 'KIND', value: (row) => row.kind },
  { heading: 'SUBJECT', value: (row) => `${row.subject.kind} ${row.subject.name}` },
  { heading: 'STATE', value: (row) => row.state },
  { heading: 'BEGAN', value: (row) => `${formatDuration(Date.now() - Date.parse(row.beganAt))} ago` },
  { heading: 'BY', value: (row) => row.actor.id },
  { heading: 'ERROR', value: (row) => row.error?.code },
];

export function addOperationCommands(program: Command): void {
  const operations = program.command('operations').alias('ops').description('what was asked for, followed to its end');
  operations
    .command('list')
    .description('operations, newest first')
    .option('--open', 'only those without an end')
    .option('--vm <name>', 'only those on this VM: its name or id')
    .option('--limit <n>', 'at most this many', '50')
    .action(async (given: { open?: true; vm?: string; limit: string }, command: Command) => {
      const session = openSession(command);
      const page = await session.api.get<{ items: readonly OperationResource[]; next?: string }>('/operations', {
        open: given.open,
        subject: given.vm === undefined ? undefined : await resolveVmId(session, given.vm),
        limit: given.limit,
      });
      session.print(page, () => renderTable(columns, page.items));
      if (page.next !== undefined) {
        session.remark(
          `these are the newest ${page.items.length}; there are more: --limit N shows up to 1000, --open and --vm fewer`,
        );
      }
    });
  operations
    .command('get <id>')
    .description('one operation: its state, its error, and what was undone and left')
    .action(async (id: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      printOperation(session, await readOperation(session.api, id));
    });
  operations
    .command('watch <id>')
    .description('follow one to its end; the exit status tells how it ended')
    .action(async (id: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      conclude(session, await follow(session, id));
    });
  operations
    .command('cancel <id>')
    .description('end one that has not reached its host')
    .action(async (id: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      await session.api.post(`/operations/${encodeURIComponent(id)}/cancel`);
      const operation = await follow(session, id);
      session.print(operation, () => outcomeSentence(operation));
      if (operation.state !== 'CANCELLED') process.exitCode = exitStatus.operationFailed;
    });
}

/** The id of a VM that a person named by name or id; also of one that was deleted, while no other has its name. */
async function resolveVmId(session: Session, name: string): Promise<string> {
  if (vmIdSchema.safeParse(name).success) return name;
  const { project } = session.options;
  const path = `/vms/${encodeURIComponent(name)}/history`;
  const { items } = await withNearName(session.api, name, project, () =>
    session.api.get<{ items: readonly StoredEvent[] }>(path, { project, limit: 1 }),
  );
  return streamSubjectId(items[0]?.stream ?? '');
}

/** Prints how an operation ended and sets the exit status by it. */
export function conclude(session: Session, operation: OperationResource): void {
  session.print(operation, () => outcomeSentence(operation));
  if (operation.state !== 'SUCCEEDED') process.exitCode = exitStatus.operationFailed;
}

function printOperation(session: Session, operation: OperationResource): void {
  session.print(
    operation,
    () =>
      renderFields([
        ['id', operation.id],
        ['kind', operation.kind],
        [operation.subject.kind, `${operation.subject.name} (${operation.subject.id})`],
        ['state', operation.state],
        ['by', operation.actor.id],
        ['began', operation.beganAt],
        ['due', operation.dueAt],
        ['ended', operation.endedAt ?? undefined],
        [
          'progress',
          operation.progress === null ? undefined : `${operation.progress.percent}% ${operation.progress.text}`,
        ],
        ['step', operation.error?.step],
        ['error', operation.error === null ? undefined : `${operation.error.code} ${operation.error.detail}`],
        ['undone', operation.undone.join(', ')],
        ['left', operation.left.join(', ')],
        ['superseded by', operation.supersededBy ?? undefined],
      ]) + whyNoHost(operation),
  );
}
