/**
 * Libvirt's typed parameters: named values that carry their type. The daemon refuses a parameter of the wrong type
 * (`bandwidth` as int where it wants uhyper), so the type is always said, never guessed. Names may repeat.
 */
import { double, hyper, int, list, string, uhyper, uint } from './types.codec.js';
import type { Codec, Hyper } from './types.codec.js';
import { XdrError } from './xdr-error.js';

export type TypedParam =
  | { readonly field: string; readonly type: 'int' | 'uint' | 'double'; readonly value: number }
  | { readonly field: string; readonly type: 'hyper' | 'uhyper'; readonly value: Hyper }
  | { readonly field: string; readonly type: 'boolean'; readonly value: boolean }
  | { readonly field: string; readonly type: 'string'; readonly value: string };

const tags = { int: 1, uint: 2, hyper: 3, uhyper: 4, double: 5, boolean: 6, string: 7 } as const;

export const param: Codec<TypedParam> = {
  encode(writer, value) {
    string.encode(writer, value.field);
    writer.int(tags[value.type]);
    switch (value.type) {
      case 'int':
        return int.encode(writer, value.value);
      case 'uint':
        return uint.encode(writer, value.value);
      case 'hyper':
        return hyper.encode(writer, value.value);
      case 'uhyper':
        return uhyper.encode(writer, value.value);
      case 'double':
        return double.encode(writer, value.value);
      case 'boolean':
        return int.encode(writer, value.value ? 1 : 0);
      case 'string':
        return string.encode(writer, value.value);
      default:
        return value satisfies never;
    }
  },
  decode(reader) {
    const field = string.decode(reader);
    const tag = reader.int();
    switch (tag) {
      case tags.int:
        return { field, type: 'int', value: reader.int() };
      case tags.uint:
        return { field, type: 'uint', value: reader.uint() };
      case tags.hyper:
        return { field, type: 'hyper', value: reader.hyper() };
      case tags.uhyper:
        return { field, type: 'uhyper', value: reader.uhyper() };
      case tags.double:
        return { field, type: 'double', value: reader.double() };
      case tags.boolean:
        return { field, type: 'boolean', value: reader.int() !== 0 };
      case tags.string:
        return { field, type: 'string', value: string.decode(reader) };
      default:
        throw new XdrError(`parameter ${field} has the unknown type ${tag}`);
    }
  },
  leastBytes: 12,
  shape: { kind: 'param' },
};

export function params(max: number): Codec<readonly TypedParam[]> {
  return list(param, max);
}

export type ParamValues = Readonly<Record<string, Hyper | boolean | string>>;

/** Parameters by name, for lists whose names do not repeat (all statistics). */
export function paramValues(list: readonly TypedParam[]): ParamValues {
  return Object.fromEntries(list.map(({ field, value }) => [field, value]));
}
