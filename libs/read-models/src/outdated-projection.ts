import type { StoredEvent } from '@drover/contracts';

/** A newer release writes, or has to write, this read model: the code that met this only reads it on. */
export class OutdatedProjection extends Error {
  override readonly name = 'OutdatedProjection';

  static by(event: Pick<StoredEvent, 'type' | 'schemaVersion' | 'position'>): OutdatedProjection {
    const what = `${event.type}.v${event.schemaVersion} at position ${event.position}`;
    return new OutdatedProjection(`this release does not know ${what}; update it`);
  }

  static after(writerVersion: number): OutdatedProjection {
    return new OutdatedProjection(`a newer release (${writerVersion}) writes the read model; update this one`);
  }
}
