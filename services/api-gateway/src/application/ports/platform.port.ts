/** Tokens of what the platform libraries give, for Nest's injection. */
export const EVENT_STORE = Symbol('EventStore');
export const LOGGER = Symbol('Logger');
export const HEALTH = Symbol('Health');
