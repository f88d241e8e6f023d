/** Handlers of this group are heard by the active replica alone. */
export const ACTIVE_GROUP = 'active';
