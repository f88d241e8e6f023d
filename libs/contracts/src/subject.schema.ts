import { z } from 'zod';
import { vmIdSchema, type VmId } from './ids.schema.js';
import { imageIdSchema, type ImageId } from './image.schema.js';

export const vmSubjectSchema = z.strictObject({ kind: z.literal('vm'), id: vmIdSchema });
export const imageSubjectSchema = z.strictObject({ kind: z.literal('image'), id: imageIdSchema });

/** What an operation, an order or a report concerns: a kind of stream, and one thing of it. */
export const subjectSchema = z.discriminatedUnion('kind', [vmSubjectSchema, imageSubjectSchema]);
export type Subject = z.infer<typeof subjectSchema>;
export type SubjectKind = Subject['kind'];
export type VmSubject = z.infer<typeof vmSubjectSchema>;
export type ImageSubject = z.infer<typeof imageSubjectSchema>;

/** The subject as one word, which is also the name of its stream. */
export type SubjectKey = `${SubjectKind}-${string}`;

export function subjectKey({ kind, id }: Subject): SubjectKey {
  return `${kind}-${id}`;
}

export function vmSubject(id: VmId): VmSubject {
  return { kind: 'vm', id };
}

export function imageSubject(id: ImageId): ImageSubject {
  return { kind: 'image', id };
}
