import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { eventPageSchema, eventsQuerySchema, positionSchema, START, type EventsQuery, errors } from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import type { Logger } from '@drover/observability';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { refuseForeignPosition, refuseUnknownFilters } from '../../../application/event-query.policy.js';
import { OpenShares } from '../../../application/open-shares.js';
import { EVENT_STORE, LOGGER } from '../../../application/ports/platform.port.js';

import type { DroverRequest } from './drover-request.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { EventStream, letsThrough, storeFilter } from './event-stream.js';
import { Input, type InputOf } from './input.decorator.js';
import { OpenStreams } from './open-streams.js';
import { parsePart } from './parse-part.js';
import { traceHeaders } from './request-trace.js';
import { securityHeaders } from './security-headers.js';

/** Streams of one process; each follows the store. */
const MAX_STREAMS = 1000;
const MAX_STREAMS_OF_A_PRINCIPAL = 100;
const DEFAULT_PAGE = 100;

const followEvents = endpoint({
  summary: 'Events as they are recorded (server-sent events), or a page of them (Accept: application/json)',
  tag: 'Events',
  query: eventsQuerySchema,
  answers: {
    200: { description: 'Events in order; `Last-Event-ID` continues where a stream ended.', schema: eventPageSchema },
  },
  errors: ['SERVICE_UNAVAILABLE', 'TOO_MANY_REQUESTS'],
});

const lastEventIdSchema = z.object({ 'last-event-id': positionSchema.optional() });

@Controller('api/v1/events')
export class EventsController {
  readonly #store: EventStore;
  readonly #logger: Logger;
  readonly #streams: OpenStreams;
  readonly #shares = new OpenShares('event streams', MAX_STREAMS_OF_A_PRINCIPAL);

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(LOGGER) logger: Logger,
    @Inject(OpenStreams) streams: OpenStreams,
  ) {
    this.#store = store;
    this.#logger = logger;
    this.#streams = streams;
  }

  @Get()
  @Permission('events:read')
  @Serves(followEvents)
  async follow(
    @Input() { query }: InputOf<typeof followEvents>,
    @Req() request: DroverRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseUnknownFilters(query);
    const { 'last-event-id': last } = parsePart('header', lastEventIdSchema, request.headers);
    const head = await this.#store.head();
    if (query.from !== undefined) refuseForeignPosition(query.from, head, '?from');
    if (last !== undefined) refuseForeignPosition(last, head, 'last-event-id');
    if (wantsPage(request.headers.accept)) {
      void reply.send(await this.#page(query));
      return;
    }
    if (this.#streams.size >= MAX_STREAMS)
      throw errors.SERVICE_UNAVAILABLE('not-applied', `${MAX_STREAMS} streams are open already`);
    const after = last ?? query.from ?? head;
    const close = this.#shares.open(request.caller?.principal ?? '');
    void reply.hijack();
    const ids = { 'x-request-id': request.id, ...traceHeaders() };
    reply.raw.writeHead(200, { ...securityHeaders, ...ids, 'content-type': 'text/event-stream' });
    const stream = new EventStream({ store: this.#store, logger: this.#logger }, reply.raw);
    await this.#streams.hold(stream, stream.run(after, query)).finally(close);
  }

  async #page(query: EventsQuery): Promise<z.input<typeof eventPageSchema>> {
    const { from = START, limit = DEFAULT_PAGE } = query;
    const { events, next, isEnd } = await this.#store.readAll(from, { filter: storeFilter(query), limit });
    return { items: events.filter((event) => letsThrough(query, event)).map((event) => ({ ...event })), next, isEnd };
  }
}

function wantsPage(accept: string | undefined): boolean {
  return accept !== undefined && accept.includes('application/json') && !accept.includes('text/event-stream');
}
