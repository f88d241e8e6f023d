// Shows slow steps: one line that moves on a terminal, plain lines elsewhere (CI, logs).

const isTerminal = Boolean(process.stderr.isTTY) && !process.env.CI;
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Runs a step and shows that it runs, how long, and how it ended.
 *
 * @param work gets a function that tells more about what is being done right now.
 */
export async function step(title, work) {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  let detail = '';
  let frame = 0;
  const draw = (mark, end = '') => {
    const text = `${mark} ${title}${detail && !end ? `: ${detail}` : ''} (${seconds()})`;
    process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}${end}`);
  };
  const ticking = isTerminal ? setInterval(() => draw(frames[(frame += 1) % frames.length]), 100) : undefined;
  if (!isTerminal) process.stderr.write(`… ${title}\n`);
  const tell = (text) => {
    if (!isTerminal && text !== detail) process.stderr.write(`    ${text}\n`);
    detail = text;
  };
  try {
    const result = await work(tell);
    finish('✓');
    return result;
  } catch (error) {
    finish('✗');
    throw error;
  }
  function finish(mark) {
    clearInterval(ticking);
    if (isTerminal) draw(mark, '\n');
    else process.stderr.write(`${mark} ${title} (${seconds()})\n`);
  }
}

export function note(text) {
  process.stderr.write(`${text}\n`);
}
