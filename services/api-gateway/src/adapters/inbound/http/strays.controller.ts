import { Controller, Get, Inject } from '@nestjs/common';
import { strayListQuerySchema, strayPageSchema } from '@drover/contracts';
import { FLEET_READS, HOSTS, STRAYS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { withRemedies } from '../../../application/stray-remedy.policy.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';

const listStrays = endpoint({
  summary: 'Hosts that have domains of VMs that are not there, and what a person does about each',
  tag: 'Strays',
  showsOnly: [STRAYS.name, HOSTS.name],
  query: strayListQuerySchema,
  answers: { 200: { description: 'A page of hosts, by id.', schema: strayPageSchema } },
});

@Controller('api/v1/strays')
export class StraysController {
  readonly #reads: FleetReads;

  constructor(@Inject(FLEET_READS) reads: FleetReads) {
    this.#reads = reads;
  }

  @Get()
  @Permission('hosts:read')
  @Serves(listStrays)
  async list(@Input() { query }: InputOf<typeof listStrays>) {
    const { items, ...rest } = await this.#reads.of(STRAYS).list(query);
    return { items: items.map((host) => withRemedies(host, query)), ...rest };
  }
}
