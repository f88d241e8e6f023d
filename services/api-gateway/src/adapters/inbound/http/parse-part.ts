import type { z } from 'zod';
import { Refused, type FieldProblem } from '../../../application/refused.js';

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
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const isUnknown = parsed.error.issues.every((issue) => issue.code === 'unrecognized_keys');
  const problems: FieldProblem[] = [];
  for (const issue of parsed.error.issues) {
    if (problems.length < MAX_PROBLEMS) problems.push(...problemsOf(part, issue));
  }
  const fields = problems.slice(0, MAX_PROBLEMS);
  const [first] = fields;
  const detail = first === undefined ? 'the request does not fit' : `${first.field || `the ${part}`}: ${first.detail}`;
  throw new Refused(
    {
      code: isUnknown ? 'UNKNOWN_FIELD' : 'INVALID_FIELD',
      detail,
      ...(first === undefined ? {} : { field: first.field }),
    },
    fields,
  );
}

function problemsOf(part: RequestPart, issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: fieldName(part, [...issue.path, key]),
      detail: 'there is no such field',
    }));
  }
  // Of several shapes none fits: what the first one lacks is as good a hint as any, and says more than "invalid".
  const [branch] = issue.code === 'invalid_union' ? issue.errors : [];
  const [nested] = branch ?? [];
  if (nested !== undefined) return problemsOf(part, { ...nested, path: [...issue.path, ...nested.path] });
  return [{ field: fieldName(part, issue.path), detail: issue.message.replace(/^Invalid input: /, '') }];
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
