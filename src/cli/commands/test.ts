/** `trimast test`: every check and every test, or a part of them. */
import { runScript } from './run-script.ts';

export async function test(args: readonly string[]): Promise<void> {
  await runScript('tools/test.ts', args);
}
