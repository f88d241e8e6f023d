import { createHash } from 'node:crypto';
import { MARK_PREFIX } from './mark.codec.js';
import { child, isList, type XmlElement, type XmlValue } from './xml.codec.js';

/**
 * Hash of the persistent definition, with what others put into its metadata. Another value means that a person edited it, so all that
 * changes by itself counts for nothing:
 *
 * - Drover's mark, which changes with every order, and `currentMemory`, which the balloon moves;
 * - the order of elements, because libvirt lists controllers in another order once a VM has been started;
 * - what some versions of libvirt write out and others imply (`implied`), so that an upgrade of libvirt edits nothing (ADR 25).
 */
export function fingerprint(domain: XmlElement): string {
  const { currentMemory: _, metadata, ...kept } = domain;
  const { [`${MARK_PREFIX}:vm`]: _mark, ...others } = child({ metadata }, 'metadata') ?? {};
  const { '#text': _blank, ...foreign } = others;
  const definition = Object.keys(foreign).length === 0 ? kept : { ...kept, metadata: foreign };
  return createHash('sha256')
    .update(JSON.stringify(normal(definition, '')))
    .digest('hex');
}

/** Something that a definition means whether it is written or not. */
export interface Implied {
  /** The version of libvirt that began to write it. */
  readonly since: string;
  /** The element, or the one that has the attribute. */
  readonly path: string;
  /** Of the attribute; absent: the whole element. */
  readonly attribute?: string;
  /** The values that are implied: of the attribute, or of all attributes of the element. */
  readonly values: readonly (string | Readonly<Record<string, string>>)[];
}

/** A definition that is written before an upgrade of libvirt stays as it is in libvirt's files, and is read with these added after. */
export const implied: readonly Implied[] = [
  { since: '6.1.0', path: '/cpu/topology', attribute: '@dies', values: ['1'] },
  // With `host-passthrough`.
  { since: '6.5.0', path: '/cpu', attribute: '@migratable', values: ['on'] },
  // QEMU wants an audio backend, though the VM has no sound card.
  { since: '7.0.0', path: '/devices/audio', values: [{ '@id': '1', '@type': 'none' }] },
  // The machine type q35 has this watchdog whether it is listed or not.
  { since: '9.1.0', path: '/devices/watchdog', values: [{ '@model': 'itco', '@action': 'reset' }] },
  { since: '10.1.0', path: '/cpu/topology', attribute: '@clusters', values: ['1'] },
];

/** One form for all that means the same: names in order, elements as sorted lists, what is implied left out. */
function normal(element: XmlElement, path: string): unknown {
  const entries = Object.entries(element).flatMap(([name, value]): [string, unknown][] => {
    if (typeof value !== 'object') return isImplied(path, value, name) ? [] : [[name, value]];
    const below = `${path}/${name}`;
    const written = listOf(value).filter((item) => !isImplied(below, item));
    return written.length === 0 ? [] : [[name, written.map((item) => normalItem(item, below)).sort()]];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As text, by which a list is sorted. An element with a text alone is that text. */
function normalItem(item: XmlValue, path: string): string {
  return JSON.stringify(typeof item === 'object' ? normal(item as XmlElement, path) : item);
}

function listOf(value: XmlValue): readonly XmlValue[] {
  return isList(value) ? value : [value];
}

function isImplied(path: string, value: XmlValue | undefined, attribute?: string): boolean {
  return implied.some(
    (rule) =>
      rule.path === path &&
      rule.attribute === attribute &&
      rule.values.some((meant) => (typeof meant === 'string' ? value === meant : hasJust(value, meant))),
  );
}

/** Whether the element has these attributes and nothing else. */
function hasJust(value: XmlValue | undefined, attributes: Readonly<Record<string, string>>): boolean {
  if (typeof value !== 'object' || isList(value)) return false;
  const entries = Object.entries(value);
  return entries.length === Object.keys(attributes).length && entries.every(([name, one]) => attributes[name] === one);
}
