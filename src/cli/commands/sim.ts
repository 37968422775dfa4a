/** `trimast sim`: the deterministic simulator of consensus and store; see docs/simulator.md. */
import { runScript } from './run-script.ts';

export async function sim(args: readonly string[]): Promise<void> {
  await runScript('sim/main.ts', args);
}
