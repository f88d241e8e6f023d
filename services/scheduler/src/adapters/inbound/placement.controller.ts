import { explainQuerySchema, placeQuerySchema, type ExplainQuery, type PlaceQuery } from '@drover/contracts';
import { ACTIVE_GROUP, answerOf, OnRequest, type Answer } from '@drover/messaging';
import { Controller, Inject } from '@nestjs/common';
import { ExplainPlacementHandler } from '../../application/explain-placement.handler.js';
import { PlaceVmHandler } from '../../application/place-vm.handler.js';

/** `query.placement.*`: answered by the active replica alone, because only that one knows what is reserved. */
@Controller()
export class PlacementController {
  readonly #place: PlaceVmHandler;
  readonly #explain: ExplainPlacementHandler;

  constructor(
    @Inject(PlaceVmHandler) place: PlaceVmHandler,
    @Inject(ExplainPlacementHandler) explain: ExplainPlacementHandler,
  ) {
    this.#place = place;
    this.#explain = explain;
  }

  @OnRequest('query.placement.place', placeQuerySchema, { group: ACTIVE_GROUP })
  place(query: PlaceQuery): Answer {
    return answerOf(this.#place.place(query));
  }

  @OnRequest('query.placement.explain', explainQuerySchema, { group: ACTIVE_GROUP })
  explain(query: ExplainQuery): Answer {
    return answerOf(this.#explain.explain(query));
  }
}
