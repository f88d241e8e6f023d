import { Rejected, errors, isKnownProject, projectIdSchema } from '@drover/contracts';

/**
 * Refuses a project that does not exist, in whatever names one: without this a list of it would be empty, as if it were there.
 *
 * @param named a part of a request as its schema read it.
 * @param field how its `project` is called to the client.
 */
export function refuseUnknownProject(named: unknown, field: '?project' | '/project'): void {
  if (typeof named !== 'object' || named === null || !('project' in named)) return;
  const project = projectIdSchema.optional().parse(named.project);
  if (project === undefined || isKnownProject(project)) return;
  const detail = `there is no project ${project}`;
  throw new Rejected(errors.PROJECT_NOT_FOUND(detail, { field }), { fields: [{ field, detail }] });
}
