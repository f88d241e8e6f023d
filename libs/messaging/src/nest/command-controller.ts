import type { Answer, CommandOf, StreamKind } from '@drover/contracts';
import { currentTraceparent } from '@drover/observability';
import { Controller, type Type } from '@nestjs/common';
import { ACTIVE_GROUP, OnRequest } from './message-decorators.js';

/** A command as its kind declares it; verbs tell themselves apart by what it says. */
type Answers<Kind extends StreamKind> = (command: CommandOf<Kind>, traceparent: string | undefined) => Promise<Answer>;

/**
 * Answers `command.<kind>.<verb>` for every verb that the kind declares, while this replica is the active one: one method for each, because
 * each has its schema.
 */
export function commandController<Kind extends StreamKind>(kind: Kind, answer: Answers<Kind>): Type {
  class CommandController {}
  for (const [verb, schema] of Object.entries(kind.commands)) {
    const value = (command: CommandOf<Kind>) => answer(command, currentTraceparent());
    const method = { value, configurable: true, writable: true };
    Object.defineProperty(CommandController.prototype, verb, method);
    OnRequest(`command.${kind.name}.${verb}`, schema, { group: ACTIVE_GROUP })(
      CommandController.prototype,
      verb,
      method,
    );
  }
  Controller()(CommandController);
  return CommandController;
}
