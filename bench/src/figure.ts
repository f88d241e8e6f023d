/** One measured figure; printed as one JSON line. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: number;
  readonly better: 'higher' | 'lower';
  /** What the ratio was made of, and under which conditions. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A bench measures things against each other, in one run, and yields its figures. It cleans up after itself. */
export type Bench = () => AsyncIterable<Figure>;

/** The q-quantile (0 to 1) of a non-empty list, nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  if (value === undefined) throw new Error('no values were measured');
  return value;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Four significant digits: more would pretend. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Progress for people; standard output carries the figures alone. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
