import type { ImageDigest } from '@drover/contracts';

/** The files of an image that its digest names, in this order. */
const PARTS = ['disk', 'kernel', 'initramfs'];

/**
 * What the digest of an image is made of: the sha256 of its only file, or the text whose sha256 it is.
 *
 * @param sums of its files, by what each is for; 64 hexadecimal digits each.
 * @param commandLine what its kernel is started with. It stands last, because its text is free.
 */
export function digestSource(
  sums: Readonly<Record<string, string>>,
  commandLine: string | undefined,
): { readonly sha256: string } | { readonly of: string } {
  const { disk = '', ...others } = sums;
  if (Object.keys(others).length === 0) return { sha256: disk };
  const lines = PARTS.flatMap((part) => (sums[part] === undefined ? [] : [`${part} ${sums[part]}`]));
  if (commandLine !== undefined) lines.push(`command-line ${commandLine}`);
  return { of: `${lines.join('\n')}\n` };
}

export function imageDigestOf(sha256: string): ImageDigest {
  return `sha256:${sha256}`;
}
