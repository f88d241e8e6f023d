import type { Subjects } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Logger } from '@drover/observability';
import { Lane, type LaneLimits } from './lane.runner.js';
import type { Refusals } from './refusals.js';
import { mayAnswer } from '../subjects/reply-inbox.policy.js';
import { askersOn } from '../subjects/subject-table.policy.js';
import { MAX_HEADER_BYTES, type Frame } from '../wire/wire.port.js';

const MEBIBYTE = 1024 * 1024;

/**
 * An agent asks one question of a kind at a time and asks again when it hears nothing, so the fourth in the queue is a repeat
 * or a flood.
 */
const hostLane: LaneLimits = {
  inWork: 1,
  waiting: 3,
  pace: {
    messages: { perSecond: 200, burst: 400 },
    bytes: { perSecond: 2 * MEBIBYTE, burst: 8 * MEBIBYTE },
  },
};

/** Services and people ask much at one time; what waits longer than its sender does is not worked on. */
const serviceLane: LaneLimits = { inWork: 512, waiting: 8192 };

/** Of all senders of a kind together, over one connection. */
const MAX_HELD_BYTES = 64 * MEBIBYTE;

/** Lanes that are idle are forgotten when there are so many. */
const MAX_LANES = 16_384;

export interface IntakeOptions {
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refusals: Refusals;
}

/** Takes a frame in work, in its turn; resolves when the work is done. */
export type Work = (frame: Frame, receivedAtMs: number) => Promise<void>;

/** What one subscription has taken and not yet ended. */
export interface Taking {
  readonly take: (frame: Frame) => void;
  /** Resolves when nothing is under way or waits. */
  idle(): Promise<void>;
}

/**
 * What stands between the network and the handlers of one connection. It looks at sizes and subjects alone, and drops what
 * would cost others something: every host has a lane of its own on each subscription, so what it sends too much is its own.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #held = { host: 0, services: 0 };

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** @param isAnswered whether the sender is told something, so that it matters where. */
  open(pattern: string, isAnswered: boolean, work: Work): Taking {
    const { subjects, clock, logger, refusals } = this.#options;
    const lanes = new Map<string, Lane>();
    const underWay = new Set<Promise<void>>();
    /** All sends of one request share the subject of the answer, so the answer to the first serves its repeats too. */
    const answers = new Set<string>();

    const laneOf = (key: string, limits: LaneLimits): Lane => {
      const known = lanes.get(key);
      if (known !== undefined) return known;
      if (lanes.size >= MAX_LANES) for (const [each, lane] of lanes) if (lane.isIdle) lanes.delete(each);
      const lane = new Lane(limits, clock);
      lanes.set(key, lane);
      return lane;
    };

    const take = (frame: Frame): void => {
      const { subject, replyTo, payload } = frame;
      const refuse = (reason: Parameters<Refusals['add']>[0]) => refusals.add(reason, pattern, subject);
      if (frame.headerBytes > MAX_HEADER_BYTES) return refuse('headers-too-large');
      const answerTo = isAnswered ? replyTo : undefined;
      const askers = askersOn(subjects, subject);
      if (answerTo !== undefined && !mayAnswer(askers, answerTo)) return refuse('foreign-inbox');
      if (answerTo !== undefined && answers.has(answerTo)) return;
      const bytes = payload.byteLength + frame.headerBytes;
      if (this.#held[askers.kind] + bytes > MAX_HELD_BYTES) return refuse('bus-full');
      const receivedAtMs = clock.monotonicMs();
      const done = Promise.withResolvers<void>();
      const run = async (): Promise<void> => {
        try {
          await work(frame, receivedAtMs);
        } catch (error) {
          logger.error('handling a message failed', { subject, error });
        } finally {
          this.#held[askers.kind] -= bytes;
          if (answerTo !== undefined) answers.delete(answerTo);
          underWay.delete(done.promise);
          done.resolve();
        }
      };
      const lane = askers.kind === 'host' ? laneOf(askers.hostId, hostLane) : laneOf('', serviceLane);
      this.#held[askers.kind] += bytes;
      if (answerTo !== undefined) answers.add(answerTo);
      underWay.add(done.promise);
      if (lane.offer({ bytes, run })) return;
      this.#held[askers.kind] -= bytes;
      if (answerTo !== undefined) answers.delete(answerTo);
      underWay.delete(done.promise);
      refuse('lane-full');
    };

    return { take, idle: async () => void (await Promise.all(underWay)) };
  }
}
