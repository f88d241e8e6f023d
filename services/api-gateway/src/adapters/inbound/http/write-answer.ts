import { restHeaders } from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import type { Written } from '../../../application/write-vm.handler.js';
import type { DroverRequest } from './drover-request.js';

/** 202 with where to follow, or 200 where nothing more will happen. */
export function answerWrite<Body>(reply: FastifyReply, written: Written<Body>): Body {
  void reply.header(restHeaders.position, written.position);
  const { operationId } = written;
  if (operationId !== undefined) {
    (reply.request as DroverRequest).operationId = operationId;
    void reply.header('location', `/api/v1/operations/${operationId}`);
  }
  void reply.code(written.isEnded ? 200 : 202);
  return written.body;
}
