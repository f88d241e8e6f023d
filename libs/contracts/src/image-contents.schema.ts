import { z } from 'zod';
import { sumSchema } from './bounds.schema.js';

/** `sha256:` and 64 hexadecimal digits. Of what it is, see `imageContentsSchema`. */
export const imageDigestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits in lower case');
export type ImageDigest = z.infer<typeof imageDigestSchema>;

/**
 * What a disk begins as: the name of an image, or the name and the one content that is meant, `debian-13@sha256:…`. vm-manager writes
 * the digest of a registered image behind its name, so that a VM is made of that content or not at all.
 */
export const imageRefSchema = z
  .string()
  .max(200)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}(@sha256:[0-9a-f]{64})?$/,
    'must be the name of an image, which may be followed by @sha256: and 64 hexadecimal digits',
  );

export interface ImageRef {
  readonly name: string;
  /** Absent: the file of that name on the host, whatever is in it. */
  readonly digest?: ImageDigest;
}

export function readImageRef(written: string): ImageRef {
  const at = written.indexOf('@');
  return at < 0 ? { name: written } : { name: written.slice(0, at), digest: written.slice(at + 1) };
}

export function writeImageRef({ name, digest }: ImageRef): string {
  return digest === undefined ? name : `${name}@${digest}`;
}

export const imageFormatSchema = z.enum(['qcow2', 'raw']);

/** What an image is, as a host found it in its files. It never changes: other bytes are another image. */
export const imageContentsSchema = z.strictObject({
  /**
   * Of the bytes of its disk's file, as `sha256sum` says. Of an image that brings a kernel, of lines that name the sha256 of each of
   * its files and the kernel's command line.
   */
  digest: imageDigestSchema,
  format: imageFormatSchema,
  /** Of the disk that a guest sees, by the file's own header. */
  virtualSizeBytes: z.int().min(512).max(70_368_744_177_664),
  /** Of its disk's file. */
  fileBytes: sumSchema,
});
export type ImageContents = z.infer<typeof imageContentsSchema>;

/** Why a host cannot make a disk of this image, in words; undefined where it can. */
export function whyNotOfHost(
  { name, digest }: ImageRef,
  found: { readonly digest?: ImageDigest | undefined } | undefined,
): string | undefined {
  if (found === undefined) return `the host has no image ${name}`;
  if (digest === undefined || found.digest === digest) return undefined;
  if (found.digest === undefined) return `the host has not read its file of image ${name} yet`;
  return `the host has another file as image ${name}: ${found.digest}`;
}
