/** A column: its heading and how a row shows there. */
export interface Column<Row> {
  readonly heading: string;
  readonly value: (row: Row) => string | number | undefined;
  readonly isNumber?: boolean;
}

const GAP = '  ';

/** A table for people: no frames, so that it can be cut and grepped. Absent values show as `-`. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return new TableWriter(columns).part(rows).join('\n');
}

/** A table that is written part by part: its columns are as wide as the first part needs, and later rows may stand out. */
export class TableWriter<Row> {
  readonly #columns: readonly Column<Row>[];
  #widths: readonly number[] | undefined;

  constructor(columns: readonly Column<Row>[]) {
    this.#columns = columns;
  }

  /** Lines of these rows; the first time with the headings above them. */
  part(rows: readonly Row[]): string[] {
    const cells = rows.map((row) => this.#columns.map((column) => printable(column.value(row))));
    if (this.#widths !== undefined) return cells.map((row) => this.#line(row));
    const headings = this.#columns.map((column) => column.heading);
    const all = [headings, ...cells];
    this.#widths = headings.map((_, index) => all.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), 0));
    return all.map((row) => this.#line(row));
  }

  #line(cells: readonly string[]): string {
    return cells
      .map((cell, index) => {
        const width = this.#widths?.[index] ?? 0;
        return this.#columns[index]?.isNumber === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  }
}

/** Name and value pairs, one a line; nested names are written `a.b`. */
export function renderFields(fields: readonly (readonly [name: string, value: string | number | undefined])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join('\n');
}

/**
 * Characters from outside that could drive the terminal or show a text otherwise than it is (controls, format characters such as
 * U+202E, line separators) are shown and not sent. Joiners are sent, because scripts are written with them.
 */
export function printable(value: string | number | undefined): string {
  if (value === undefined || value === '') return '-';
  return String(value).replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
  });
}

const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
