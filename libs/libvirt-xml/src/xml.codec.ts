import { XMLBuilder, XMLParser } from 'fast-xml-parser';

/**
 * An element as data: `@name` is an attribute, `#text` its text, anything else a child element; a list is repeated
 * elements. Attribute and text values are strings once read.
 */
export interface XmlElement {
  readonly [name: string]: XmlValue | undefined;
}
export type XmlValue = string | number | XmlElement | readonly XmlValue[];

const ATTRIBUTE = '@';

const builder = new XMLBuilder({
  attributeNamePrefix: ATTRIBUTE,
  ignoreAttributes: false,
  processEntities: true,
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

const parser = new XMLParser({
  attributeNamePrefix: ATTRIBUTE,
  ignoreAttributes: false,
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: true,
  trimValues: true,
});

/** Text and attribute values are escaped; what XML 1.0 cannot carry at all is refused. */
export function writeXml(root: XmlElement): string {
  const xml: string = builder.build(root);
  if (UNREPRESENTABLE.test(xml)) throw new RangeError('XML cannot carry control characters');
  return xml;
}

// The very characters that XML 1.0 §2.2 excludes.
const UNREPRESENTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Libvirt writes no document type; one could declare entities that expand without bound, so it is refused. */
export function readXml(xml: string): XmlElement {
  if (/<!DOCTYPE/i.test(xml)) throw new Error('XML with a document type is refused');
  return parser.parse(xml) as XmlElement;
}

/** The first element of this path, or undefined. */
export function child(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  let current = element;
  for (const name of path) current = children(current, name)[0];
  return current;
}

/** All elements of this name, as elements: text alone becomes `{ '#text': … }`. */
export function children(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  const value = element?.[name];
  if (value === undefined) return [];
  return (isList(value) ? value : [value]).map((item) =>
    typeof item === 'object' ? (item as XmlElement) : { '#text': String(item) },
  );
}

export function attribute(element: XmlElement | undefined, name: string): string | undefined {
  const value = element?.[`${ATTRIBUTE}${name}`];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The text of the first element of this path. */
export function text(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  const value = child(element, ...path)?.['#text'];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

export function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}
