import { z } from 'zod';
import { actorSchema } from '../events/envelope.schema.js';
import { imageIdSchema, imageNameSchema, imageSourceSchema } from '../image.schema.js';
import { commandIdSchema, operationIdSchema, projectIdSchema } from '../ids.schema.js';

const base = {
  /** Derived from (principal, what was asked, `Idempotency-Key`), so that a repeat is recognised. */
  commandId: commandIdSchema,
  actor: actorSchema,
  projectId: projectIdSchema,
};
const onImage = { ...base, imageId: imageIdSchema };

/** Payloads of `drover.command.image.<kind>`; each is answered with `CommandAccepted` or a rejection. */
export const imageCommandSchemas = {
  /** Image and operation ids are derived from the command id: repeated, it registers nothing twice. */
  register: z.strictObject({
    kind: z.literal('register'),
    ...base,
    name: imageNameSchema,
    source: imageSourceSchema,
  }),
  /** Done at once, so there is no operation. */
  delete: z.strictObject({ kind: z.literal('delete'), ...onImage }),
  /** Ends the registration. */
  cancel: z.strictObject({ kind: z.literal('cancel'), ...onImage, operationId: operationIdSchema }),
} as const;
export type ImageCommandKind = keyof typeof imageCommandSchemas;
export type ImageCommand<Kind extends ImageCommandKind = ImageCommandKind> = z.output<
  (typeof imageCommandSchemas)[Kind]
>;

/** The image that a registration makes is `derivedId(commandId, label)`. */
export const IMAGE_EFFECT_LABEL = 'image';
