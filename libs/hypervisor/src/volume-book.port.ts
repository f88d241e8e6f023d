import type { VolumeRef } from '@drover/contracts';

export interface MadeVolume extends VolumeRef {
  /** Size of the disk that the guest sees. */
  readonly sizeBytes: number;
}

export interface SeenVolume extends VolumeRef {
  /** Of the disk that the guest sees. Absent: nothing of this name is there. */
  readonly sizeBytes?: number;
}

/** A volume that could not be removed, and why, in words. */
export interface LeftVolume extends VolumeRef {
  readonly why: string;
}

/**
 * The mark of ownership of one VM's volumes. Libvirt keeps nothing of ours with a volume, so a driver takes a volume for the
 * VM's own only where this book says so: it is written before the volume is made, and only when nothing of its name was there.
 */
export interface VolumeBook {
  has(volume: VolumeRef): boolean;
  /** Resolves when it is durable; only then is the volume made. */
  making(volume: MadeVolume): Promise<void>;
  /** Somebody else made one of this name first: none is ours. */
  notMade(volume: VolumeRef): Promise<void>;
}
