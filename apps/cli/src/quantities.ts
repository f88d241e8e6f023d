const UNITS_MIB: Readonly<Record<string, number>> = { MIB: 1, M: 1, GIB: 1024, G: 1024, TIB: 1024 ** 2, T: 1024 ** 2 };

/** `128MiB`, `2GiB`, `1T` or a bare number of MiB, as MiB. Throws with the remedy for anything else. */
export function parseMiB(text: string): number {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text.trim());
  const factor = match?.[2] === '' ? 1 : UNITS_MIB[match?.[2]?.toUpperCase() ?? ''];
  if (match?.[1] === undefined || factor === undefined) {
    throw new Error(`"${text}" is not a size: write for example 128MiB or 2GiB`);
  }
  return Number(match[1]) * factor;
}

/** MiB as a person reads them: `512 MiB`, `1.5 GiB`. */
export function formatMiB(mib: number): string {
  if (mib < 1024) return `${mib} MiB`;
  if (mib < 1024 ** 2) return `${trim(mib / 1024)} GiB`;
  return `${trim(mib / 1024 ** 2)} TiB`;
}

/** `k=v`, as often as given, as a record. */
export function parsePair(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const split = text.indexOf('=');
  if (split < 1) throw new Error(`"${text}" is not a label: write it as key=value`);
  return { ...before, [text.slice(0, split)]: text.slice(split + 1) };
}

/** Milliseconds of `30s`, `5m`, `1h` or a bare number of seconds. */
export function parseDurationMs(text: string): number {
  const match = /^(\d+)(ms|s|m|h)?$/.exec(text.trim());
  if (match?.[1] === undefined) throw new Error(`"${text}" is not a duration: write for example 30s or 5m`);
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[(match[2] ?? 's') as 'ms' | 's' | 'm' | 'h'];
}

/** How long ago, or how long something took: `340ms`, `12s`, `5m`, `3h`, `2d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

function trim(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
