import type { Timer } from '@drover/operations';

/** Timers of this process. They do not keep it alive. */
export const nodeTimer: Timer = {
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
