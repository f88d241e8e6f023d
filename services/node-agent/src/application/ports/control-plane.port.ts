import type {
  Answer,
  Heartbeat,
  HeartbeatAnswer,
  HostLaneMessage,
  HostLoad,
  Progress,
  RegistrationAnswer,
  ReportsAcknowledged,
  VmLaneMessage,
  OrderTable,
} from '@drover/contracts';

type Of<Message, Kind> = Extract<Message, { readonly kind: Kind }>;

/**
 * What one host's agent asks and tells. Each request is sent once; what must arrive is repeated by its caller.
 * Failures are thrown as `Fault`s.
 */
export interface ControlPlane {
  register(message: Of<HostLaneMessage, 'register'>): Promise<Answer<RegistrationAnswer>>;
  leave(message: Of<HostLaneMessage, 'leaving'>): Promise<Answer<unknown>>;
  openVmLane(message: Of<VmLaneMessage, 'open'>): Promise<Answer<OrderTable>>;
  reportVms(message: Of<VmLaneMessage, 'reports'>): Promise<Answer<ReportsAcknowledged>>;
  reportHost(message: Of<HostLaneMessage, 'reports'>): Promise<Answer<ReportsAcknowledged>>;
  /** @param timeoutMs after which the answer is worth nothing. */
  beat(heartbeat: Heartbeat, timeoutMs: number): Promise<Answer<HeartbeatAnswer>>;
  /** Sent and forgotten. */
  tellLoad(load: HostLoad): void;
  /** Sent and forgotten. */
  tellProgress(progress: Progress): void;
  /** Called after each reconnect. Returns how to stop. */
  onReconnect(listener: () => void): () => void;
}
