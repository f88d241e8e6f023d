import { z } from 'zod';
import { knownError } from '../errors/known-error.codec.js';
import { loosely } from '../loose.codec.js';
import { vmSubjectSchema, type VmSubject } from '../subject.schema.js';
import { powerStateSchema } from './observed-vm.schema.js';
import { orderFinishedSchema, vmChangedSchema, vmReportSchema, type VmReport } from './report.schema.js';

const reader = loosely(vmReportSchema);
/** Who came to an end, whatever else stands there. */
const ending = loosely(orderFinishedSchema.omit({ result: true, powerState: true }));

/**
 * A report as an agent of this release or another wrote it: unknown fields are dropped, an unknown error code becomes `INTERNAL` with
 * its text, an unknown power state `UNRESPONSIVE` and an unknown cause `host`. The end of an order is never lost: where its result
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

/** What a report is about, also where the rest of it cannot be read. */
export function subjectOfReport(written: unknown): VmSubject | undefined {
  return z.looseObject({ subject: vmSubjectSchema }).safeParse(written).data?.subject;
}

const anyObject = z.record(z.string(), z.unknown());

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
    ...(result === undefined || error === undefined
      ? {}
      : { result: { ...result, error: knownError(error, 'INTERNAL') } }),
  };
}

function within(report: Readonly<Record<string, unknown>>, name: string, schema: z.ZodType, otherwise: string) {
  if (!(name in report) || schema.safeParse(report[name]).success) return {};
  return { [name]: otherwise };
}
