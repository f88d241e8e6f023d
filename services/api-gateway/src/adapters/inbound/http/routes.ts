import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod } from '@nestjs/common';
import { controllers } from '../../../sections.js';
import { endpointOf, permissionOf, type EndpointDefinition } from './endpoint.js';

export interface Route {
  readonly method: string;
  /** As OpenAPI writes it: `/api/v1/vms/{vm}`. */
  readonly path: string;
  /** `VmsController.list` */
  readonly handler: string;
  readonly endpoint: EndpointDefinition | undefined;
  /** Undefined is a mistake: such a route is closed. */
  readonly permission: ReturnType<typeof permissionOf>;
}

/** Every route there is, from what the controllers declare. */
export function routes(): readonly Route[] {
  return controllers.flatMap((controller) => {
    const base = String(Reflect.getMetadata(PATH_METADATA, controller) ?? '');
    return Object.getOwnPropertyNames(controller.prototype).flatMap((name): Route[] => {
      const handler: unknown = Reflect.get(controller.prototype as object, name);
      if (typeof handler !== 'function') return [];
      const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
      if (typeof method !== 'number') return [];
      const path = [base, String(Reflect.getMetadata(PATH_METADATA, handler))].map((part) =>
        part.replace(/^\/|\/$/g, ''),
      );
      return [
        {
          method: RequestMethod[method] ?? '',
          path: `/${path.filter((part) => part !== '').join('/')}`.replace(/:(\w+)/g, '{$1}'),
          handler: `${controller.name}.${name}`,
          endpoint: endpointOf(handler),
          permission: permissionOf(handler),
        },
      ];
    });
  });
}
