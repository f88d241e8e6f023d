// A process of its own that appends events, one after the other in several lanes, and tells its parent each id that was
// acknowledged. Arguments: connection string, schema, lanes, events per lane.
import { randomUUID } from 'node:crypto';
import { openPostgresEventStore } from '@drover/event-store';

const [connectionString, schema, lanes, eventsPerLane] = process.argv.slice(2);
const store = await openPostgresEventStore({ connectionString, schema });
const meta = { at: '2025-01-31T12:00:00.000Z', actor: { kind: 'service', id: 'append-process' } };

async function lane() {
  const stream = `vm-${randomUUID()}`;
  for (let n = 0; n < Number(eventsPerLane); n += 1) {
    const id = randomUUID();
    const result = await store.append(stream, n === 0 ? 'no-stream' : n - 1, [
      { id, type: 'VmStarted', schemaVersion: 1, data: { n }, meta },
    ]);
    if (result.kind !== 'appended') throw new Error(`conflict in a stream of its own: ${JSON.stringify(result)}`);
    process.send(id);
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, lane));
await store.close();
process.disconnect();
