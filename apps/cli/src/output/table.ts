import Table from 'cli-table3';

/** A column: its heading and how a row shows there. */
export interface Column<Row> {
  readonly heading: string;
  readonly value: (row: Row) => string | number | undefined;
  readonly isNumber?: boolean;
}

/** A table for people: no frames, so that it can be cut and grepped. Absent values show as `-`. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const table = new Table({
    head: columns.map((column) => column.heading),
    colAligns: columns.map((column) => (column.isNumber === true ? 'right' : 'left')),
    chars: NO_FRAME,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const row of rows) table.push(columns.map((column) => printable(column.value(row))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Name and value pairs, one a line; nested names are written `a.b`. */
export function renderFields(fields: readonly (readonly [name: string, value: string | number | undefined])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join('\n');
}

/** Control characters from outside could drive the terminal; they are shown, not sent. */
export function printable(value: string | number | undefined): string {
  if (value === undefined || value === '') return '-';
  return String(value).replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const NO_FRAME = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
