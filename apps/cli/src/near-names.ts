import { nearMiss } from '@drover/domain-kit';
import { ApiError, type ApiClient } from './api.client.js';

const lists = { VM_NOT_FOUND: '/vms', HOST_NOT_FOUND: '/hosts' } as const;

/** Does it; where the API knows no such name, its refusal also tells the name that was likely meant. */
export async function withNearName<Done>(
  api: Pick<ApiClient, 'get'>,
  name: string,
  project: string,
  work: () => Promise<Done>,
): Promise<Done> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApiError) || !(error.problem.code in lists)) throw error;
    const list = lists[error.problem.code as keyof typeof lists];
    const query = list === '/vms' ? { project, limit: 1000 } : { limit: 1000 };
    const { items } = await api.get<{ items: readonly { readonly name: string }[] }>(list, query).catch(() => {
      // The refusal says more than that the list of names could not be had.
      throw error;
    });
    const meant = nearMiss(
      name,
      items.map((item) => item.name),
    );
    throw meant === undefined ? error : new ApiError(error.problem, `did you mean ${meant}?`);
  }
}
