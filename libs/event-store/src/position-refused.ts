import type { Rejection } from '@drover/contracts';

/**
 * The caller's position is none of this store: `INVALID_FIELD` where the store cannot have given it, `POSITION_BEYOND_HEAD`
 * where no event stands there. No fault of the world: asking again changes nothing.
 */
export class PositionRefused extends Error {
  override readonly name = 'PositionRefused';
  readonly rejection: Rejection;

  constructor(rejection: Rejection) {
    super(`${rejection.code}: ${rejection.detail}`);
    this.rejection = rejection;
  }
}
