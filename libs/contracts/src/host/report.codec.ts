import { z } from 'zod';
import { knownError } from '../errors/known-error.codec.js';
import { loosely } from '../loose.codec.js';
import { subjectSchema, vmSubjectSchema, type VmSubject } from '../subject.schema.js';
import { listedDomainSchema } from './full-list.schema.js';
import { powerStateSchema } from './observed-vm.schema.js';
import {
  orderFinishedSchema,
  vmChangedSchema,
  vmLaneMessageSchema,
  vmReportSchema,
  vmStateSchema,
  type VmChanged,
  type VmReport,
} from './report.schema.js';

const reader = loosely(vmReportSchema);
/** Who came to an end, whatever else stands there. */
const ending = loosely(orderFinishedSchema.omit({ result: true, powerState: true }));

/**
 * A report as an agent of this release or another wrote it: unknown fields are dropped, an unknown error code becomes `INTERNAL` with
 * its text, an unknown power state `UNRESPONSIVE`, an unknown cause `host`, and an unknown change what the power state says; what is listed
 * under an unknown kind is left out. The end of an order is never lost: where its result
 * cannot be read, it is an end all the same. Undefined where nothing can be made of it.
 */
export function readVmReport(written: unknown): VmReport | undefined {
  const plain = reader.safeParse(written);
  if (plain.success) return plain.data;
  const read = reader.safeParse(known(written));
  if (read.success) return read.data;
  const end = ending.safeParse(written);
  if (!end.success) return undefined;
  const detail = 'the host told the end of the order in words that this release cannot read; update vm-manager';
  return {
    ...end.data,
    powerState: 'UNRESPONSIVE',
    result: { kind: 'failed', step: 'report', error: { code: 'INTERNAL', detail }, undone: [], left: [detail] },
  };
}

/** A message of the VM lane as an agent of this release or another wrote it: of what is under way, kinds that are not known are left out. */
export const vmLaneMessageReader = z.preprocess((written) => {
  const message = anyObject.safeParse(written).data;
  if (message === undefined || !Array.isArray(message['underWay'])) return written;
  const isOfKnownKind = (subject: unknown) => kindsOfSubjects.has(anyObject.safeParse(subject).data?.['kind']);
  return { ...message, underWay: message['underWay'].filter(isOfKnownKind) };
}, loosely(vmLaneMessageSchema));

const kindsOfSubjects: ReadonlySet<unknown> = new Set(subjectSchema.options.map(({ shape }) => shape.kind.value));

/** What a report is about, also where the rest of it cannot be read. */
export function subjectOfReport(written: unknown): VmSubject | undefined {
  return z.looseObject({ subject: vmSubjectSchema }).safeParse(written).data?.subject;
}

const anyObject = z.record(z.string(), z.unknown());
type AnyObject = z.infer<typeof anyObject>;

/** Values of lists that grow, in the words of this release. */
function known(written: unknown): unknown {
  const report = anyObject.safeParse(written).data;
  if (report === undefined) return written;
  const result = anyObject.safeParse(report['result']).data;
  const error = anyObject.safeParse(result?.['error']).data;
  return {
    ...report,
    ...within(report, 'powerState', powerStateSchema, 'UNRESPONSIVE'),
    ...within(report, 'cause', vmChangedSchema.shape.cause, 'host'),
    // What the agent is still at in another way may come to anything, so nothing follows yet.
    ...within(report, 'underWay', vmStateSchema.shape.underWay, 'undoing'),
    ...(report['kind'] === 'vm-changed' ? knownChange(report) : {}),
    ...(Array.isArray(report['domains']) ? { domains: report['domains'].map(knownDomain) } : {}),
    ...(result === undefined || error === undefined
      ? {}
      : { result: { ...result, error: knownError(error, 'INTERNAL') } }),
  };
}

function within(report: AnyObject, name: string, schema: z.ZodType, otherwise: unknown) {
  if (!(name in report) || schema.safeParse(report[name]).success) return {};
  return { [name]: otherwise };
}

/** What a VM is after a change tells what has changed, in the words of this release. */
const changeTo: Readonly<Record<string, VmChanged['change']>> = {
  ABSENT: 'removed',
  STOPPED: 'stopped',
  CRASHED: 'crashed',
  PAUSED: 'paused',
  RUNNING: 'started',
};

function knownChange(report: AnyObject) {
  return within(report, 'change', vmChangedSchema.shape.change, changeTo[String(report['powerState'])]);
}

function knownDomain(written: unknown): unknown {
  const domain = anyObject.safeParse(written).data;
  if (domain === undefined) return written;
  const { volumeProblems } = domain;
  const problem = listedDomainSchema.shape.volumeProblems.unwrap().element.shape.kind;
  const isKnown = (one: unknown) => problem.safeParse(anyObject.safeParse(one).data?.['kind']).success;
  return {
    ...domain,
    ...within(domain, 'powerState', powerStateSchema, 'UNRESPONSIVE'),
    ...within(domain, 'stopCause', listedDomainSchema.shape.stopCause, undefined),
    ...(Array.isArray(volumeProblems) ? { volumeProblems: volumeProblems.filter(isKnown) } : {}),
  };
}
