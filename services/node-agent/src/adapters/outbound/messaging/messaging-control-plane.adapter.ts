import {
  Rejected,
  errors,
  heartbeatAnswerSchema,
  leftSchema,
  loosely,
  registrationAnswerSchema,
  reportsAcknowledgedSchema,
  signedSchema,
  orderTableSchema,
  type Answer,
  type FleetId,
  type HostId,
  type OrderTable,
} from '@drover/contracts';
import type { Messaging, OrderCheck } from '@drover/messaging';
import type { ControlPlane } from '../../../application/ports/control-plane.port.js';

/** How long an answer is waited for that is not a heartbeat's. Its asker repeats what must arrive. */
const ANSWER_TTL_MS = 5_000;
/** An agent that stops waits no longer for that to be noted. */
const LEAVE_TTL_MS = 3_000;

/** The control plane as one host sees it over messaging: its own subjects and no others. */
export function controlPlaneOver(
  messaging: Messaging,
  hostId: HostId,
  fleetId: () => FleetId,
  check: OrderCheck,
): ControlPlane {
  const { subjects } = messaging;
  const hostLane = subjects.hostReport(hostId, 'host');
  const vmLane = subjects.hostReport(hostId, 'vm');
  const heartbeats = subjects.hostHeartbeat(hostId);
  const loads = subjects.hostLoad(hostId);
  const progresses = subjects.hostProgress(hostId);
  return {
    register: (message) =>
      messaging.request(hostLane, message, { ttlMs: ANSWER_TTL_MS, schema: loosely(registrationAnswerSchema) }),
    leave: (message) => messaging.request(hostLane, message, { ttlMs: LEAVE_TTL_MS, schema: loosely(leftSchema) }),
    openVmLane: async (message): Promise<Answer<OrderTable>> => {
      const answer = await messaging.request(vmLane, message, { ttlMs: ANSWER_TTL_MS, schema: signedSchema });
      if (answer.kind === 'rejected') return answer;
      const signed = check.open(answer.value, { purpose: 'table', fleetId: fleetId(), hostId });
      const table = loosely(orderTableSchema).safeParse(signed?.content).data;
      if (table?.nonce === message.nonce) return { kind: 'answered', value: table };
      const detail = `the table of VMs for host ${hostId} is not signed by vm-manager as the answer to this request`;
      throw new Rejected(errors.SIGNATURE_INVALID(detail));
    },
    reportVms: (message) =>
      messaging.request(vmLane, message, { ttlMs: ANSWER_TTL_MS, schema: loosely(reportsAcknowledgedSchema) }),
    reportHost: (message) =>
      messaging.request(hostLane, message, { ttlMs: ANSWER_TTL_MS, schema: loosely(reportsAcknowledgedSchema) }),
    beat: (heartbeat, timeoutMs) =>
      messaging.request(heartbeats, heartbeat, { ttlMs: timeoutMs, schema: loosely(heartbeatAnswerSchema) }),
    tellLoad: (load) => messaging.publish(loads, load),
    tellProgress: (progress) => messaging.publish(progresses, progress, { operationId: progress.operationId }),
    onReconnect: (listener) => messaging.onReconnect(listener),
  };
}
