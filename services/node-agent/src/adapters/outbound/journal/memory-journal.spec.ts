import { journalContract } from '../../../testing/journal.contract.js';
import { MemoryJournal } from './memory-journal.adapter.js';

journalContract('memory', () => {
  const journal = new MemoryJournal();
  return Promise.resolve({ open: () => journal, remove: () => Promise.resolve() });
});
