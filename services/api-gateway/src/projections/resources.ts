import { hostResource } from './host/host.resource.js';
import { operationResource } from './operation/operation.resource.js';
import type { AnyResource } from './resource/resource.js';
import { projectionOf } from './resource/resource.projection.js';
import { straysResource } from './strays/strays.resource.js';
import { vmResource } from './vm/vm.resource.js';

/** Everything that the API shows. */
export const resources: readonly AnyResource[] = [hostResource, operationResource, straysResource, vmResource];

/** One for each resource, with a model, a version and a rebuild of its own. */
export const projections = resources.map(projectionOf);
