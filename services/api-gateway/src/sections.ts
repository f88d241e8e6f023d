import {
  clusterStatsSchema,
  createVmBodySchema,
  distributionPageSchema,
  eventPageSchema,
  explainAnswerSchema,
  hostPageSchema,
  hostResourceSchema,
  hostVerbs,
  imagePageSchema,
  imageResourceSchema,
  imageWriteAnswerSchema,
  operationPageSchema,
  operationResourceSchema,
  problemSchema,
  rebuildStatusSchema,
  registerImageBodySchema,
  vmActions,
  vmHistorySchema,
  vmPageSchema,
  vmResourceSchema,
  vmWriteAnswerSchema,
  type Verb,
} from '@drover/contracts';
import type { Type } from '@nestjs/common';
import type { z } from 'zod';
import { AdminController } from './adapters/inbound/http/admin.controller.js';
import { ClusterController } from './adapters/inbound/http/cluster.controller.js';
import { EventsController } from './adapters/inbound/http/events.controller.js';
import { HealthController } from './adapters/inbound/http/health.controller.js';
import { HostActionsController } from './adapters/inbound/http/host-actions.controller.js';
import { HostsController } from './adapters/inbound/http/hosts.controller.js';
import { ImagesController } from './adapters/inbound/http/images.controller.js';
import { OperationsController } from './adapters/inbound/http/operations.controller.js';
import { StraysController } from './adapters/inbound/http/strays.controller.js';
import { VmActionsController } from './adapters/inbound/http/vm-actions.controller.js';
import { VmsController } from './adapters/inbound/http/vms.controller.js';
import type { HandlerParts } from './api-gateway.module.js';
import { ExplainPlacement } from './application/explain-placement.handler.js';
import { ReadImage } from './application/read-image.handler.js';
import { VmAsOf } from './application/vm-as-of.handler.js';
import { WriteHost } from './application/write-host.handler.js';
import { WriteImage } from './application/write-image.handler.js';
import { WriteVm } from './application/write-vm.handler.js';
import { hostResource } from './projections/host/host.resource.js';
import { imageResource } from './projections/image/image.resource.js';
import { operationResource } from './projections/operation/operation.resource.js';
import type { AnyResource } from './projections/resource/resource.js';
import { projectionOf } from './projections/resource/resource.projection.js';
import { straysResource } from './projections/strays/strays.resource.js';
import { vmResource } from './projections/vm/vm.resource.js';

type Schemas = Readonly<Record<string, z.ZodType>>;

/** All that the API has of one kind of thing, or of one matter. */
interface Section {
  /** What is shown of it, with a model of its own. */
  readonly resource?: AnyResource;
  readonly controllers: readonly Type[];
  /** What its controllers call, each by its class. */
  readonly handlers?: (parts: HandlerParts) => readonly object[];
  /** By their names in the OpenAPI document; all others stand where they are used. */
  readonly answers?: Schemas;
  readonly bodies?: Schemas;
}

/** The whole API. A new kind of thing needs files of its own and a section here. */
export const sections: readonly Section[] = [
  {
    resource: vmResource,
    controllers: [VmsController, VmActionsController],
    handlers: ({ history, ...parts }) => [
      new WriteVm(parts),
      new VmAsOf(history, parts.reads, parts.find),
      new ExplainPlacement(parts.commands, parts.find),
    ],
    answers: {
      Vm: vmResourceSchema,
      VmPage: vmPageSchema,
      VmHistory: vmHistorySchema,
      VmWriteAnswer: vmWriteAnswerSchema,
      PlacementExplanation: explainAnswerSchema,
    },
    bodies: { CreateVm: createVmBodySchema, ...bodiesOf(vmActions, 'Vm') },
  },
  {
    resource: hostResource,
    controllers: [HostsController, HostActionsController],
    handlers: ({ commands, find, clock }) => [new WriteHost(commands, find, clock)],
    answers: { Host: hostResourceSchema, HostPage: hostPageSchema },
    bodies: bodiesOf(hostVerbs, 'Host'),
  },
  {
    resource: imageResource,
    controllers: [ImagesController],
    handlers: ({ reads, commands, find, clock }) => {
      const read = new ReadImage(reads, find);
      return [read, new WriteImage(commands, find, read, clock)];
    },
    answers: { Image: imageResourceSchema, ImagePage: imagePageSchema, ImageWriteAnswer: imageWriteAnswerSchema },
    bodies: { RegisterImage: registerImageBodySchema },
  },
  { resource: straysResource, controllers: [StraysController] },
  {
    resource: operationResource,
    controllers: [OperationsController],
    answers: { Operation: operationResourceSchema, OperationPage: operationPageSchema },
  },
  {
    controllers: [ClusterController],
    answers: { ClusterStats: clusterStatsSchema, Distribution: distributionPageSchema },
  },
  { controllers: [EventsController], answers: { EventPage: eventPageSchema } },
  { controllers: [AdminController], answers: { Rebuild: rebuildStatusSchema } },
  { controllers: [HealthController], answers: { Problem: problemSchema } },
];

/** Everything that the API shows. */
export const resources = sections.flatMap(({ resource }) => (resource === undefined ? [] : [resource]));

/** One for each resource, with a model, a version and a rebuild of its own. */
export const projections = resources.map(projectionOf);

export const controllers = sections.flatMap((section) => section.controllers);

/** `StopVm`, of each verb that asks something. */
function bodiesOf(verbs: Readonly<Record<string, Verb & { readonly request: z.ZodType }>>, thing: string): Schemas {
  const asking = Object.entries(verbs).filter(([, { body }]) => Object.keys(body).length > 0);
  return Object.fromEntries(
    asking.map(([verb, { request }]) => [`${verb.replace(/^./, (first) => first.toUpperCase())}${thing}`, request]),
  );
}
