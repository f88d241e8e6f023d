import { z } from 'zod';
import { mapOf, MAX_NUMBER, numbersByName, sumSchema, text } from '../bounds.schema.js';
import { fleetIdSchema, generationSchema, hostIdSchema, operationIdSchema, vmIdSchema } from '../ids.schema.js';
import { excludedHostSchema } from '../placement.schema.js';

interface CatalogueEntry<Kind extends 'rejection' | 'fault' | 'defect', Data extends z.ZodRawShape> {
  readonly kind: Kind;
  /** Used only by api-gateway. */
  readonly httpStatus: number;
  /** What an operator reads: what happened, and what to do. */
  readonly sentence: string;
  /** The numbers and names behind it. */
  readonly data: z.ZodObject<Data>;
}

const entryOf =
  <Kind extends 'rejection' | 'fault' | 'defect'>(kind: Kind) =>
  <Data extends z.ZodRawShape = Record<never, never>>(
    httpStatus: number,
    sentence: string,
    data: Data = {} as Data,
  ): CatalogueEntry<Kind, Data> => ({ kind, httpStatus, sentence, data: z.object(data) });

const rejection = entryOf('rejection');
const fault = entryOf('fault');
const defect = entryOf('defect');

const name = text(253);
const path = text(1000);
const count = sumSchema;
const number = z.int().min(-MAX_NUMBER).max(MAX_NUMBER);

/** Every code that leaves a service. A code is never reused or renamed. */
export const errorCatalogue = {
  INVALID_FIELD: rejection(400, 'A field of the request has a value that is not allowed; correct the field named.', {
    hostIds: z.array(hostIdSchema).max(100).readonly(),
    longestReservationMs: count,
  }),
  UNKNOWN_FIELD: rejection(400, 'The request has a field that does not exist; remove or correct the field named.'),
  MALFORMED_REQUEST: rejection(
    400,
    'The request could not be read; send valid JSON with Content-Type application/json.',
  ),
  UNSUPPORTED_FIELD: rejection(422, 'This version of Drover cannot honour the field named yet; leave it out.', {
    vcpus: count,
    maxVcpus: count,
  }),
  IDEMPOTENCY_KEY_REUSED: rejection(
    422,
    'This Idempotency-Key was already used for a different request; use a new key for each new request.',
    { operationId: operationIdSchema },
  ),
  TOO_MANY_REQUESTS: rejection(
    429,
    'This token already has the maximum number of open requests of this kind; wait for some to end, or ask without ?wait=.',
  ),
  BODY_TOO_LARGE: rejection(413, 'The request body is larger than 1 MiB; send less.'),
  UNAUTHENTICATED: rejection(401, 'The request carries no valid token; send Authorization: Bearer TOKEN.'),
  FORBIDDEN: rejection(403, 'The token does not allow this; use one with the permission named.'),
  NOT_FOUND: rejection(404, 'There is no such resource; check the path.'),
  VM_NOT_FOUND: rejection(404, 'There is no such VM in this project; list the VMs to find its name or id.'),
  HOST_NOT_FOUND: rejection(404, 'There is no such host; list the hosts to find its name or id.'),
  OPERATION_NOT_FOUND: rejection(404, 'There is no such operation; list the operations to find its id.'),
  PROJECT_NOT_FOUND: rejection(404, 'There is no such project; use an existing one, such as default.'),
  VM_NAME_TAKEN: rejection(409, 'Another VM of this project has this name; choose another name or delete that VM.', {
    vmId: vmIdSchema,
  }),
  VM_BUSY: rejection(409, 'Another operation holds this VM; wait for the operation named or cancel it.', {
    operationId: operationIdSchema,
    kind: name,
  }),
  VM_WRONG_STATE: rejection(409, 'The VM is not in a state that allows this; bring it to the state named first.', {
    observed: name,
    desired: name,
    powerState: name,
    found: generationSchema,
    ordered: generationSchema,
  }),
  HOST_WRONG_STATE: rejection(409, 'The host is not in a state that allows this.', {
    protocolVersion: count,
    journalEpoch: count,
  }),
  SUPERSEDED: rejection(409, 'A newer command or generation has taken the place of this one.', {
    hostId: hostIdSchema,
    found: generationSchema,
    ordered: generationSchema,
  }),
  OPERATION_NOT_CANCELLABLE: rejection(
    409,
    'The operation has reached the host or has ended and cannot be cancelled; supersede it with a force-stop or delete.',
    { operationId: operationIdSchema },
  ),
  NO_HOST_FITS: rejection(
    409,
    'No host can take this VM; see the filters and numbers per host, then add capacity or ask for less.',
    { counts: numbersByName(count), nearest: z.array(excludedHostSchema).max(20).readonly() },
  ),
  HOST_FULL: rejection(409, 'The host cannot hold this VM now; free capacity on it or choose another host.', {
    wantedMemoryMiB: count,
    freeMemoryMiB: number,
    usedMemoryMiB: count,
    capacityMiB: count,
    memoryMiB: count,
    reservedMemoryMiB: count,
    hugePagesMiB: count,
    memoryOvercommitRatio: z.number().min(0).max(100),
  }),
  IMAGE_NOT_FOUND: rejection(422, 'The host has no image of this name; import the image or use another.', {
    image: name,
  }),
  POOL_NOT_FOUND: rejection(422, 'The host has no storage pool of this name; create it or use another.', {
    pool: name,
  }),
  NETWORK_NOT_FOUND: rejection(422, 'The host has no network of this name; create it or use another.', {
    field: path,
    network: name,
  }),
  INVALID_DEFINITION: rejection(422, 'The hypervisor refuses the definition of this VM; change the spec as it says.', {
    field: path,
    mac: name,
    holder: name,
    cpuModel: name,
    machine: name,
    maxVcpus: count,
    libvirtCode: number,
  }),
  VOLUME_FOREIGN: rejection(
    409,
    'A volume of this name exists and is not of this VM; it was left alone. Remove or rename it.',
    { pool: name, volume: name },
  ),
  IMAGE_REFUSED: rejection(
    422,
    'The image on the host cannot be used; the detail says why. Replace its file or its description.',
    { image: name },
  ),
  IMAGE_NOT_REGISTERED: rejection(
    404,
    'There is no registered image of this name or id; list images, or register it.',
    {
      image: name,
    },
  ),
  IMAGE_NAME_TAKEN: rejection(
    409,
    'Another image of this project has this name; choose another name or delete that image.',
    { imageId: name },
  ),
  IMAGE_IN_USE: rejection(409, 'VMs have disks that are made on this image; delete those VMs first.', {
    vmIds: z.array(vmIdSchema).max(20).readonly(),
    vms: count,
  }),
  IMAGE_CHANGED: rejection(
    409,
    'The files of the image on the host are not those that were registered; put these back, or register them under another name.',
    { image: name },
  ),
  DOMAIN_FOREIGN: rejection(
    409,
    'The host has a domain with the id of this VM that is not of this fleet; it was left alone. Remove it there.',
    { libvirtCode: number },
  ),
  VM_UNTRACKED: rejection(
    409,
    'A process of this VM runs on its host and libvirt does not know of it; force-stop the VM to end that process.',
    { pid: count },
  ),
  FLEET_MISMATCH: rejection(409, 'The host or the data belongs to another Drover fleet; nothing was changed.', {
    hostFleetId: fleetIdSchema,
    storeFleetId: fleetIdSchema,
    fleetId: fleetIdSchema,
  }),
  JOURNAL_OUTDATED: rejection(
    409,
    'The journal of the agent is older than the reports already received from it, as after a disk was restored; the agent starts a new journal by itself.',
  ),
  HOST_ID_IN_USE: rejection(
    409,
    'Another agent with this host id is alive; give the cloned machine its own machine id.',
    { hostId: hostIdSchema, retryAfterMs: count, term: count },
  ),
  SIGNATURE_INVALID: rejection(
    403,
    'The host refused an order that is not signed with a key it knows; check that the file orders.publicKeysFile on the host holds the current keys of the fleet.',
  ),
  PROTOCOL_UNSUPPORTED: rejection(
    409,
    'The agent speaks a protocol version this control plane does not know; update one of them.',
    { protocolVersion: count },
  ),
  POSITION_BEYOND_HEAD: rejection(
    409,
    'The event store holds no event at this position; it was restored or replaced, or the position belongs to another store. Read from the beginning.',
    { position: count, newest: count },
  ),
  STORE_TAIL_LOST: fault(
    503,
    'The event store has lost its newest events, by a restore or a failover; restart Drover, which then works on what the store holds.',
    { seen: count, newest: count },
  ),
  STORE_UNAVAILABLE: fault(503, 'The event store cannot be reached; nothing is lost, try again.'),
  MESSAGING_UNAVAILABLE: fault(503, 'The message bus cannot be reached; try again.'),
  SERVICE_UNAVAILABLE: fault(503, 'The service that decides this is not active at the moment; try again.'),
  NOT_YET: fault(503, 'The read model has not reached the position asked for; try again.'),
  TIMED_OUT: fault(504, 'No answer came in time; what was asked may still happen, so look before asking again.'),
  OUTCOME_UNKNOWN: fault(504, 'The host cannot tell whether it happened; look at the VM before you ask again.'),
  OPERATION_OVERDUE: fault(504, 'The operation did not end in its time; see what was observed and what is left.'),
  HYPERVISOR_UNAVAILABLE: fault(503, 'The node agent cannot reach its hypervisor; check libvirt on the host.', {
    libvirtCode: number,
  }),
  HYPERVISOR_FAILED: fault(502, 'The hypervisor refused or failed the operation; see its message.', {
    libvirtCode: number,
    pool: name,
    volume: name,
  }),
  VM_UNRESPONSIVE: fault(504, 'The hypervisor process of this VM does not answer; force-stop it.', {
    libvirtCode: number,
  }),
  POOL_FULL: fault(507, 'The storage pool has no space left; free or add space.', {
    pool: name,
    neededMiB: count,
    freeMiB: count,
    reservedMiB: count,
  }),
  VOLUME_MISSING: fault(502, 'A volume of this VM is not on its host; restore the named file, or delete the VM.', {
    file: path,
    pool: name,
    volume: name,
  }),
  POOL_INACTIVE: fault(
    503,
    'The storage pool exists but cannot be used now; the detail says why. Repair its folder or storage on the host.',
    { pool: name },
  ),
  IMAGE_UNREADABLE: fault(502, 'The image cannot be read on the host; check the file and its permissions.', {
    image: name,
  }),
  JOURNAL_UNAVAILABLE: fault(
    503,
    'The node agent cannot use its journal; its log says why, most often a full disk: free space on the host.',
  ),
  REFUSED_BY_NEWER_RELEASE: rejection(
    409,
    'A part of Drover that is of a newer release refuses this, for a reason that this release has no code for; read the detail, and update the rest.',
  ),
  FAILED_AT_NEWER_RELEASE: fault(
    503,
    'A part of Drover that is of a newer release could not do this, for a reason that this release has no code for; try again, and update the rest.',
  ),
  UNREADABLE_MESSAGE: defect(400, 'A message between services could not be read; it was kept as a dead letter.'),
  INTERNAL: defect(500, 'Drover made a mistake; report the request id to its developers.'),
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

type CodesOf<Kind> = {
  [Code in ErrorCode]: (typeof errorCatalogue)[Code]['kind'] extends Kind ? Code : never;
}[ErrorCode];

/** Of what is a value. */
export type RejectionCode = CodesOf<'rejection'>;
/** Of what is thrown; a defect of ours is a fault to the one who asked. */
export type FaultCode = CodesOf<'fault' | 'defect'>;

export const errorCodeSchema = z.enum(Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]]);

/** The numbers and names behind an error; its values are bounded with the whole of the message or event that carries it. */
export const errorDataSchema = mapOf(text(100), z.unknown(), 100);

/** An error as it travels between services and stands in `OperationFailed`. */
export const errorReportSchema = z.strictObject({
  code: errorCodeSchema,
  /** `unknown` where the world may have changed. Absent for rejections. */
  outcome: z.enum(['not-applied', 'unknown']).optional(),
  /** For the operator; no secrets, no XML. */
  detail: z.string().max(4000),
  field: z.string().max(500).optional(),
  data: errorDataSchema.optional(),
});
export type ErrorReport = z.infer<typeof errorReportSchema>;
