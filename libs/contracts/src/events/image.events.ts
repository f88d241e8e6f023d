import { z } from 'zod';
import { imageContentsSchema } from '../image-contents.schema.js';
import { imageIdSchema, imageNameSchema, imageSourceSchema } from '../image.schema.js';
import { projectIdSchema } from '../ids.schema.js';

export const imageEventSchemas = {
  /** An image was accepted; what it is, its source still has to say. */
  ImageRequested: z.strictObject({
    imageId: imageIdSchema,
    projectId: projectIdSchema,
    name: imageNameSchema,
    source: imageSourceSchema,
  }),
  /** What it is, for ever. */
  ImageRegistered: imageContentsSchema,
  /** Out of the catalogue; no file was touched. Without `ImageRegistered` before it: it was never an image. */
  ImageDeleted: z.strictObject({}),
} as const;
