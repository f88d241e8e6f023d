import { attribute, child, readXml, text, writeXml } from './xml.codec.js';

export interface VolumeInput {
  readonly name: string;
  readonly format: 'qcow2' | 'raw';
  readonly capacityBytes: number;
  /** The volume begins as an overlay of this image. */
  readonly backing?: { readonly path: string; readonly format: 'qcow2' | 'raw' };
}

/** The `<volume>` of a disk (https://libvirt.org/formatstorage.html). Nothing is allocated beforehand. */
export function writeVolume(volume: VolumeInput): string {
  return writeXml({
    volume: {
      name: volume.name,
      capacity: { '@unit': 'bytes', '#text': volume.capacityBytes },
      allocation: { '@unit': 'bytes', '#text': 0 },
      // Libvirt's own default is the first version of qcow2, which can keep no dirty bitmaps.
      target: { format: { '@type': volume.format }, ...(volume.format === 'qcow2' ? { compat: '1.1' } : {}) },
      ...(volume.backing === undefined
        ? {}
        : { backingStore: { path: volume.backing.path, format: { '@type': volume.backing.format } } }),
    },
  });
}

export interface VolumeDescription {
  readonly path: string;
  readonly format: string;
  readonly capacityBytes: number;
  readonly backingPath?: string;
}

/** Reads what `virStorageVolGetXMLDesc` gives. */
export function readVolume(xml: string): VolumeDescription {
  const volume = child(readXml(xml), 'volume');
  const backingPath = text(volume, 'backingStore', 'path');
  return {
    path: text(volume, 'target', 'path') ?? '',
    format: attribute(child(volume, 'target', 'format'), 'type') ?? '',
    capacityBytes: Number(text(volume, 'capacity') ?? 0),
    ...(backingPath === undefined ? {} : { backingPath }),
  };
}

/** A pool that is a folder. */
export function writeFolderPool(name: string, path: string): string {
  return writeXml({ pool: { '@type': 'dir', name, target: { path } } });
}

export interface PoolDescription {
  readonly type: string;
  /** Where its volumes are; absent where they have no path. */
  readonly folder?: string;
}

/** Reads what `virStoragePoolGetXMLDesc` gives. */
export function readPool(xml: string): PoolDescription {
  const pool = child(readXml(xml), 'pool');
  const folder = text(pool, 'target', 'path');
  return { type: attribute(pool, 'type') ?? '', ...(folder === undefined ? {} : { folder }) };
}
