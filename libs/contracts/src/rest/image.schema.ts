import { z } from 'zod';
import { countSchema, text } from '../bounds.schema.js';
import { hostIdSchema, operationIdSchema, projectIdSchema } from '../ids.schema.js';
import { imageContentsSchema, imageDigestSchema } from '../image-contents.schema.js';
import { imageIdSchema, imageNameSchema, imageSourceSchema } from '../image.schema.js';
import {
  hostRefSchema,
  notShownSchema,
  pageQuery,
  pageSchema,
  projectQuery,
  recordedTimeSchema,
} from './conventions.schema.js';

/** A path segment that names an image: its name (with `?project=`) or its id. */
export const imageRefInPathSchema = z.union([imageNameSchema, imageIdSchema]);

export const registerImageBodySchema = z.strictObject({
  /** Of the folder with the image's files on each host. */
  name: imageNameSchema,
  project: projectIdSchema.optional(),
  source: z.discriminatedUnion('kind', [
    /** The host whose files say what the image is, by its name or id. */
    z.strictObject({ kind: z.literal('host'), host: hostRefSchema }),
  ]),
});
export type RegisterImageBody = z.output<typeof registerImageBodySchema>;

/** An image as its events tell it. */
export const imageViewSchema = z.strictObject({
  id: imageIdSchema,
  name: text(253),
  project: projectIdSchema,
  state: z.enum(['REGISTERING', 'REGISTERED', 'DELETED']),
  source: imageSourceSchema,
  /** What it is; null before its source has said it. */
  contents: imageContentsSchema.nullable(),
  operation: z.strictObject({ id: operationIdSchema, kind: z.literal('image.register') }).nullable(),
  revision: countSchema,
  createdAt: recordedTimeSchema,
  registeredAt: recordedTimeSchema.nullable(),
  updatedAt: recordedTimeSchema,
  deletedAt: recordedTimeSchema.nullable(),
  /** Absent but where something went wrong with showing it. */
  notShown: notShownSchema.optional(),
});
export type ImageView = z.infer<typeof imageViewSchema>;

/** A host that has files under the image's name. */
export const imageOnHostSchema = z.strictObject({
  hostId: hostIdSchema,
  name: text(253),
  /** `SAME`: the registered content. `OTHER`: another, which is not used for it. `UNREAD`: the host has not read its files yet. */
  has: z.enum(['SAME', 'OTHER', 'UNREAD']),
  digest: imageDigestSchema.nullable(),
});
export type ImageOnHost = z.infer<typeof imageOnHostSchema>;

export const imageResourceSchema = z.strictObject({
  ...imageViewSchema.shape,
  hosts: z.array(imageOnHostSchema).max(10_000),
});
export type ImageResource = z.infer<typeof imageResourceSchema>;

export const imageListQuerySchema = z.strictObject({ ...pageQuery, ...projectQuery, name: imageNameSchema.optional() });
export type ImageListQuery = z.output<typeof imageListQuerySchema>;

export const imagePageSchema = pageSchema(imageViewSchema);

/** The answer to a write on an image. */
export const imageWriteAnswerSchema = z.strictObject({
  /** Null where it is done already. */
  operation: z.strictObject({ id: operationIdSchema, kind: z.literal('image.register') }).nullable(),
  image: z.strictObject({ id: imageIdSchema, name: text(253), project: projectIdSchema }),
});
export type ImageWriteAnswer = z.infer<typeof imageWriteAnswerSchema>;
