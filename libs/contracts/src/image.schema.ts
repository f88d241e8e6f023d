import { z } from 'zod';
import { hostIdSchema, subjectIdSchema } from './ids.schema.js';
import { resourceNameSchema } from './vm-spec.schema.js';

export const imageIdSchema = subjectIdSchema.brand<'ImageId'>();
export type ImageId = z.infer<typeof imageIdSchema>;

/** As a disk names it. A UUID is refused, so that a path segment is always either a name or an id. */
export const imageNameSchema = resourceNameSchema.refine(
  (name) => !subjectIdSchema.safeParse(name).success,
  'must not look like an id',
);

/** Where an image comes from. */
export const imageSourceSchema = z.discriminatedUnion('kind', [
  /** Its files on one host, in the folder of its name: that host says what the image is. */
  z.strictObject({ kind: z.literal('host'), hostId: hostIdSchema }),
]);
export type ImageSource = z.infer<typeof imageSourceSchema>;
