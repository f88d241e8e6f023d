/** One call after a delay; returns how to call it off. */
export interface Timer {
  after(delayMs: number, action: () => void): () => void;
}
