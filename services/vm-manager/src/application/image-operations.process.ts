import { newEvents } from '@drover/aggregate';
import {
  errors,
  imageSubject,
  type EventId,
  type ImageFact,
  type ImageId,
  type ImageInspected,
  type ReportSource,
  type StoredImageEvent,
} from '@drover/contracts';
import { derivedId, type Clock } from '@drover/domain-kit';
import { Operations, type CommonEffect, type OperationsOptions } from '@drover/operations';
import { imageDue, imageWork, settleImageAnswer, settleImageInspected } from '../domain/image/image.process.js';
import type { ImageState } from '../domain/image/image.state.js';
import { reportId } from '../domain/settlement/report-ids.policy.js';
import type { Images } from './images.state.js';
import { vmManager } from './vm-events.policy.js';

export interface ImageOperationsOptions extends Pick<
  OperationsOptions<ImageState, StoredImageEvent, ImageId>,
  'clock' | 'hearing' | 'log' | 'orders' | 'timer'
> {
  readonly images: Images;
  /** Absent until the fleet's first event has been read. */
  readonly storeEpoch: () => number | undefined;
}

export type ImageOperations = Operations<ImageState, StoredImageEvent, ImageId, ImageFact, NoEffect>;
/** What can be done for things of any kind is enough for images. */
type NoEffect = CommonEffect<ImageFact>;

/** Carries the registrations of all images to their end; what is due follows from each image's fold (`image.process`). */
export function imageOperations({ images, storeEpoch, ...options }: ImageOperationsOptions): ImageOperations {
  const { streams } = images;
  const onHost = streams.folds.indexBy((state) => imageWork(state)?.hostIds ?? []);
  return new Operations(
    { ...options, streams, onHost, actor: vmManager },
    {
      subjectOf: imageSubject,
      workOf: imageWork,
      due: (imageId, state, passed) => {
        const { identity } = state;
        const holder = identity === undefined ? undefined : images.holder(identity.projectId, identity.name);
        const isKnown = !streams.folds.isAheadOfFeed(imageId);
        const name = { isKnown, earlierHolder: holder === imageId ? undefined : holder };
        return imageDue(state, passed, name, storeEpoch());
      },
      settleAnswer: settleImageAnswer,
      carryOut: () => Promise.resolve('done'),
      // There is nothing to undo: a registration changes nothing on its host.
      undoMs: 1,
    },
  );
}

/** Settles what hosts report of images. What was not asked for, or not of this host, leads to nothing. */
export class ImageReports {
  readonly #images: Images;
  readonly #clock: Clock;
  readonly #isActive: () => boolean;

  constructor(images: Images, clock: Clock, isActive: () => boolean) {
    this.#images = images;
    this.#clock = clock;
    this.#isActive = isActive;
  }

  /** Throws a `Fault`, after which the host reports it again. */
  async settle(report: ImageInspected, source: ReportSource): Promise<void> {
    const { streams } = this.#images;
    const imageId = report.subject.id;
    // Whatever ids a host invents: no reading of the store.
    if (!streams.folds.has(imageId)) return;
    await streams.change(imageId, ({ state }) => {
      if (!this.#isActive()) throw errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
      const isOfHost = state.identity?.source.hostId === source.hostId;
      const facts = isOfHost ? settleImageInspected(state, report) : [];
      const origin = {
        actor: { kind: 'host', id: source.hostId } as const,
        causationId: reportId(source),
        atMs: this.#clock.epochMs(),
        projectId: state.identity?.projectId,
        operationId: report.operationId,
        traceparent: state.operation?.traceparent,
      };
      const idOf = (fact: ImageFact) => derivedId(reportId(source), `${imageId}/${fact.type}`) as EventId;
      return { events: newEvents(facts, origin, idOf), result: undefined };
    });
  }
}
