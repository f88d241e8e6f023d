import { z } from 'zod';

/**
 * What every number, text, list and map of a message, an event or a request is bounded by. A spec walks all schemas of this package
 * and finds one without a bound: what a host or a client may send must fit what keeps it or adds it up.
 */

/** The largest number of one thing: fits PostgreSQL's `integer` and libvirt's 32-bit fields. */
export const MAX_NUMBER = 2_147_483_647;
/** The largest sum over a fleet: two million of the largest numbers, and still exact in a `number`. */
export const MAX_SUM = 2 ** 52;
/** Logical CPUs of one host. */
export const MAX_CPUS = 65_536;

/** How many of something; 0 is allowed. */
export const countSchema = z.int().min(0).max(MAX_NUMBER);
/** A number that counts from 1: an epoch, a version, a sequence. */
export const ordinalSchema = z.int().min(1).max(MAX_NUMBER);
/** A figure of a whole fleet. */
export const sumSchema = z.int().min(0).max(MAX_SUM);
export const cpusSchema = z.int().min(1).max(MAX_CPUS);

/** Text of at most so many UTF-16 code units. */
export const text = (maxLength: number) => z.string().max(maxLength);

const SINCE_1970 = /^(19[7-9]\d|[2-9]\d{3})-/;

/** ISO 8601 UTC. From 1970 on: PostgreSQL has no year 0, and nothing of Drover is older. */
export const timeSchema = z.iso.datetime().max(40).regex(SINCE_1970, 'must be a time since 1970');
/** ISO 8601 with any offset. */
export const timeWithOffsetSchema = z.iso
  .datetime({ offset: true })
  .max(40)
  .regex(SINCE_1970, 'must be a time since 1970');

/**
 * A map of at most so many entries. They are counted before any is read: sixty thousand bad keys cost a second of an event loop
 * otherwise. Lists need no such care, because zod looks at their length first.
 */
export function mapOf<Key extends z.core.$ZodRecordKey, Value extends z.ZodType>(
  key: Key,
  value: Value,
  maxEntries: number,
) {
  const counted = (given: Readonly<Record<string, z.input<Value>>>, context: z.core.$RefinementCtx) => {
    const isTooLarge = typeof given === 'object' && given !== null && Object.keys(given).length > maxEntries;
    if (!isTooLarge) return given;
    context.addIssue({ code: 'custom', message: `must have at most ${maxEntries} entries` });
    return z.NEVER;
  };
  return z.preprocess(counted, z.record(key, value)).meta({ maxProperties: maxEntries });
}

/** Numbers by name, such as parts of a score or counts per filter. */
export const numbersByName = (number: z.ZodType<number, number>) => mapOf(text(100), number, 100);

/** The most reboots that one report or event tells of. */
export const MAX_REBOOTS = 1_000_000;
export const rebootCountSchema = z.int().min(1).max(MAX_REBOOTS);
