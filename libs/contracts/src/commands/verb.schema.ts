import { z } from 'zod';

/** What one may do with a thing that is there: all that is the same on its whole way, whatever kind of thing it is. */
export interface Verb {
  /** For the documentation of the API and the help of the command line. */
  readonly summary: string;
  /**
   * What is asked beyond which thing. It stands in the body of the request and in the command, and where the thing has operations in
   * the event that says the wish and the order to the host. Defaults are those of the request; inside the control plane everything is said.
   */
  readonly body: z.ZodRawShape;
  /** A body that works as it stands. */
  readonly example: Readonly<Record<string, unknown>>;
}

/** The fields as they stand inside, where everything is said: the same without their defaults. */
type Said<Shape extends z.ZodRawShape> = {
  [Field in keyof Shape]: Shape[Field] extends z.ZodDefault<infer Inner> ? Inner : Shape[Field];
};

/** A verb and what is asked with it, defaults filled in. */
export type WishOf<Kind extends string, Body extends z.ZodRawShape> = { readonly kind: Kind } & {
  readonly [Field in keyof Body]: z.output<Body[Field]>;
};

/** A row of a table of verbs, with what follows from it. */
export function verbRow<const Kind extends string, const Row extends Verb>(kind: Kind, given: Row) {
  const asked = Object.fromEntries(
    Object.entries(given.body).map(([field, schema]) => [
      field,
      schema instanceof z.ZodDefault ? schema.unwrap() : schema,
    ]),
  ) as Said<Row['body']>;
  return {
    ...given,
    asked,
    /** Reads the body of a request into the whole wish. */
    request: z
      .strictObject(given.body as Row['body'])
      .transform((said) => ({ kind, ...said }) as WishOf<Kind, Row['body']>),
  } as const;
}

type Table = Readonly<Record<string, { readonly asked: z.ZodRawShape }>>;

/** The command of each verb: its kind, what any command on such a thing says, and what the verb asks. */
type VerbCommands<Verbs extends Table, OnThing extends z.ZodRawShape> = {
  readonly [Kind in keyof Verbs]: z.ZodObject<
    { kind: z.ZodLiteral<Kind & string> } & OnThing & Verbs[Kind]['asked'] extends infer Shape extends z.ZodRawShape
      ? Shape
      : never,
    z.core.$strict
  >;
};

export function verbCommands<Verbs extends Table, OnThing extends z.ZodRawShape>(verbs: Verbs, onThing: OnThing) {
  const commands = Object.entries(verbs).map(([kind, { asked }]) => [
    kind,
    z.strictObject({ kind: z.literal(kind), ...onThing, ...asked }),
  ]);
  return Object.fromEntries(commands) as VerbCommands<Verbs, OnThing>;
}

export function keysOf<Table extends object>(table: Table): readonly (keyof Table)[] {
  return Object.keys(table) as (keyof Table)[];
}
