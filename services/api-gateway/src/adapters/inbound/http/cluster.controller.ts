import { Controller, Get, Inject } from '@nestjs/common';
import { clusterStatsSchema, distributionPageSchema, distributionQuerySchema } from '@drover/contracts';
import { shareOf } from '../../../application/host-share.policy.js';
import { FLEET_READS, HOSTS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';

const getStats = endpoint({
  summary: 'Figures of the whole fleet',
  tag: 'Cluster',
  answers: { 200: { description: 'Figures.', schema: clusterStatsSchema } },
});
const getDistribution = endpoint({
  summary: 'What each host was given of what it has',
  tag: 'Cluster',
  query: distributionQuerySchema,
  answers: { 200: { description: 'A page of hosts, by name.', schema: distributionPageSchema } },
});

@Controller('api/v1/cluster')
export class ClusterController {
  readonly #reads: FleetReads;

  constructor(@Inject(FLEET_READS) reads: FleetReads) {
    this.#reads = reads;
  }

  @Get('stats')
  @Permission('cluster:read')
  @Serves(getStats)
  stats(@Input() _input: InputOf<typeof getStats>) {
    return this.#reads.stats();
  }

  @Get('distribution')
  @Permission('cluster:read')
  @Serves(getDistribution)
  async distribution(@Input() { query }: InputOf<typeof getDistribution>) {
    const { items, ...rest } = await this.#reads.of(HOSTS).list(query);
    return { items: items.map(shareOf), ...rest };
  }
}
