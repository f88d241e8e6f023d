import {
  isKnownEvent,
  kindOfStream,
  streamKindOf,
  streamSubjectId,
  type OperationListQuery,
  type OperationView,
  type StoredEvent,
} from '@drover/contracts';
import type { Sql } from '@drover/read-models';
import { OPERATIONS } from '../../application/ports/fleet-reads.port.js';
import { namesIn, namesOf } from '../resource/names-of.js';
import { defineResource, equals, type Filter } from '../resource/resource.js';
import { evolveOperation, isOperationEvent, type StoredOperation } from './operation-view.state.js';

const isOpen: Filter<StoredOperation, boolean> = {
  sql: (open) => `t.ended_at IS ${open ? '' : 'NOT '}NULL`,
  matches: (operation, open) => (operation.endedAt === null) === open,
};

/** Operations on things of every kind. Subjects bear their name in the model of their own kind, in its column `name`. */
export const operationResource = defineResource<StoredOperation, OperationListQuery, OperationView>({
  key: OPERATIONS,
  revision: 1,
  idOf: (event) => (isOperationEvent(event) ? event.data.operationId : undefined),
  evolve: (view, event) => (isOperationEvent(event) ? evolveOperation(view, event) : view),
  isUnknown: (event) => mayHaveOperations(event) && !isKnownEvent(event),
  columns: {
    kind: { type: 'text', of: (operation) => operation.kind },
    state: { type: 'text', of: (operation) => operation.state },
    subject_kind: { type: 'text', of: ({ subject }) => subject.kind },
    subject_id: { type: 'uuid', of: ({ subject }) => subject.id },
    project_id: { type: 'text', of: (operation) => operation.project },
    began_at: { type: 'timestamptz(3)', of: (operation) => operation.beganAt },
    ended_at: { type: 'timestamptz(3)', isNullable: true, of: (operation) => operation.endedAt },
  },
  indexes: {
    operation_by_age: '(began_at, id)',
    operation_by_project: '(project_id, began_at, id)',
    operation_by_subject: '(subject_id, began_at, id)',
    operation_by_state: '(state, began_at, id)',
    operation_by_kind: '(kind, began_at, id)',
    operation_open: '(began_at, id) WHERE ended_at IS NULL',
  },
  order: { columns: ['began_at', 'id'], isDescending: true },
  filters: {
    project: equals('project_id', (operation) => operation.project),
    subject: equals('subject_id', ({ subject }) => subject.id),
    subjectKind: equals('subject_kind', ({ subject }) => subject.kind),
    kind: equals('kind', (operation) => operation.kind),
    state: equals('state', (operation) => operation.state),
    open: isOpen,
  },
  rowsOf: ({ stream }, param) =>
    `t.subject_kind = ${param(kindOfStream(stream))} AND t.subject_id::text = ${param(streamSubjectId(stream))} AND t.ended_at IS NULL`,
  complete: {
    async sql(sql, operations) {
      const names = await namesOfSubjects(sql, operations);
      return operations.map((operation) => named(operation, names.get(operation.subject.id)));
    },
    inMemory(operations, all) {
      const nameOf = ({ subject }: StoredOperation) => namesIn(all, { name: subject.kind }).get(subject.id);
      return operations.map((operation) => named(operation, nameOf(operation)));
    },
  },
});

/** Of a kind that this release does not know it cannot say so: its operations wait for the release that does. */
function mayHaveOperations({ stream, type }: StoredEvent): boolean {
  const kind = streamKindOf(stream);
  return kind === undefined ? type.startsWith('Operation') : kind.operations.length > 0;
}

/** One look per kind of subject. */
async function namesOfSubjects(sql: Sql, operations: readonly StoredOperation[]): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const kind of new Set(operations.map(({ subject }) => subject.kind))) {
    const ids = operations.flatMap(({ subject }) => (subject.kind === kind ? [subject.id] : []));
    for (const [id, name] of await namesOf(sql, { name: kind }, ids)) names.set(id, name);
  }
  return names;
}

function named(operation: StoredOperation, name = ''): OperationView {
  return { ...operation, subject: { ...operation.subject, name } };
}
