import { Rejected, type FieldProblem, errors } from '@drover/contracts';
import type { z } from 'zod';
import { sentenceOf } from './issue-sentence.js';

/** An answer names at most this many fields. */
const MAX_PROBLEMS = 100;

export type RequestPart = 'path' | 'query' | 'body' | 'header';

/**
 * Reads one part of a request. Fields of the body are named by JSON pointers (RFC 6901), query parameters as `?name`, path
 * segments as `{name}`, headers by their names.
 */
export function parsePart<Schema extends z.ZodType>(
  part: RequestPart,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const isUnknown = parsed.error.issues.every((issue) => issue.code === 'unrecognized_keys');
  const problems: FieldProblem[] = [];
  for (const issue of parsed.error.issues) {
    if (problems.length < MAX_PROBLEMS) problems.push(...problemsOf(part, issue));
  }
  const fields = problems.slice(0, MAX_PROBLEMS);
  const [first] = fields;
  const detail = first === undefined ? 'the request does not fit' : `${first.field || `the ${part}`}: ${first.detail}`;
  const at = first && { field: first.field };
  throw new Rejected(isUnknown ? errors.UNKNOWN_FIELD(detail, at) : errors.INVALID_FIELD(detail, at), { fields });
}

function problemsOf(part: RequestPart, issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: fieldName(part, [...issue.path, key]),
      detail: 'there is no such field',
    }));
  }
  if (issue.code === 'invalid_union') {
    const closest = closestShape(issue.errors).map((nested) => ({ ...nested, path: [...issue.path, ...nested.path] }));
    if (closest.length > 0) return closest.flatMap((nested) => problemsOf(part, nested));
  }
  return [{ field: fieldName(part, issue.path), detail: sentenceOf(issue) }];
}

/** Of several shapes none fits: the one with the least that is wrong is likely the one that was meant. */
function closestShape(shapes: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const wrongs = (issues: readonly z.core.$ZodIssue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  const [first = [], ...others] = shapes;
  return others.reduce((best, shape) => (wrongs(shape) < wrongs(best) ? shape : best), first);
}

function fieldName(part: RequestPart, path: readonly PropertyKey[]): string {
  const [name] = path;
  switch (part) {
    case 'path':
      return `{${String(name)}}`;
    case 'query':
      return `?${String(name).slice(0, 200)}`;
    case 'header':
      return String(name);
    case 'body':
      return path.map((step) => `/${String(step).slice(0, 200).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  }
}
