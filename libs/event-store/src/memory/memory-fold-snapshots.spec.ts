import { foldSnapshotsContract } from '../testing/fold-snapshots.contract.js';
import { createMemoryFoldSnapshots } from './memory-fold-snapshots.adapter.js';

const snapshots = createMemoryFoldSnapshots();
foldSnapshotsContract(() => snapshots);
